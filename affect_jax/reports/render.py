"""Everything that is written into a file: tables as Markdown, csv, LaTeX or plain columns, and self-contained pages.

`templates/` has the markup, style and scripts for Jinja2. In HTML every value is escaped, and a policy forbids all but
the page's own script.
"""

import base64
import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect_jax.errors import UserError
from affect_jax.reports.answers import give_verdict
from affect_jax.reports.naming import describe_run
from affect_jax.reports.tables import Grid
from affect_jax.runtime.files import write_atomic
from affect_jax.runtime.spreadsheet import format_csv

if TYPE_CHECKING:  # a terminal's table needs no template
    import jinja2

_LATEX = {character: f"\\{character}" for character in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "†": r"$\dagger$",
    "–": "--",
    "●": r"$\bullet$",
    "○": r"$\circ$",
}


def _join_lines(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def escape_latex(text: str) -> str:
    """Text as LaTeX prints it, in one line; every character is replaced once, so nothing is escaped twice."""
    return _join_lines(text).translate(str.maketrans(_LATEX))


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\|*_<>`])", r"\\\1", _join_lines(text))


@functools.cache
def _make_environment() -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.globals |= {"describe_run": describe_run, "give_verdict": give_verdict}
    environment.filters |= {"line": _join_lines, "latex": escape_latex, "markdown": _escape_markdown}
    return environment


def _render(template: str, **values: Any) -> str:
    return _make_environment().get_template(template).render(**values)


def write_notes(table: str, /, **values: Any) -> tuple[str, ...]:
    """The notes below a table: the lines that `templates/notes/TABLE.txt` makes of some values, each once."""
    # A name may have any character, but is no line of its own.
    one_line = _make_environment().overlay(finalize=lambda value: re.sub(r"\s+", " ", str(value)))
    return tuple(dict.fromkeys(filter(None, one_line.get_template(f"notes/{table}.txt").render(**values).splitlines())))


def write_markdown(grid: Grid, command: str = "") -> str:
    """A pipe table; a column's group goes before its name."""
    return _render("table.md", grid=grid, command=command)


def write_csv(grid: Grid, command: str = "") -> str:
    """RFC 4180 rows under one header line; title and notes follow as lines that begin with '# '."""
    remarks = (grid.title, *grid.notes, *([f"made by: {command}"] if command else []))
    return format_csv(grid.tidy or (grid.names, *grid.rows)) + "".join(f"# {_join_lines(line)}\n" for line in remarks)


def write_latex(grid: Grid, command: str = "") -> str:
    """A booktabs table, as wide as the line at most; needs the packages booktabs and graphicx."""
    return _render("table.tex", grid=grid, command=command)


def write_plain(grid: Grid) -> str:
    """Columns padded with spaces, for a terminal; empty columns are left out."""
    columns = [column for column in zip(grid.names, *grid.rows, strict=True) if any(column[1:])]
    padded = [[cell.ljust(max(map(len, column))) for cell in column] for column in columns]
    lines = ["  ".join(line).rstrip() for line in zip(*padded, strict=True)]
    return "\n".join([_join_lines(grid.title), "", *lines, "", *map(_join_lines, grid.notes)]).rstrip() + "\n"


FORMATS = {"md": write_markdown, "csv": write_csv, "tex": write_latex}


def write_formats(grid: Grid, command: str = "") -> dict[str, str]:
    """A table by file extension: md, csv and tex, each with the command line that made it."""
    return {kind: write(grid, command) for kind, write in FORMATS.items()}


Files = Mapping[str, Mapping[str, str | bytes]]
"""File stem ('table_5_4', 'cotraining') -> extension -> what goes into the file."""


def write_files(files: Files, out: str | Path) -> list[Path]:
    """Writes rendered files; returns their paths.

    Raises:
      UserError: `out` cannot be a folder.
    """
    out, paths = Path(out), []
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--out={out} cannot be made ({error.strerror}); give a folder that can be written") from error
    for stem, texts in files.items():
        for extension, content in texts.items():
            paths.append(out / f"{stem}.{extension}")
            write_atomic(paths[-1], content if isinstance(content, bytes) else content.encode())
    return paths


def encode_base64(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode()


def _read_asset(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _hash_text(text: str) -> str:
    """How a content security policy names an element's text."""
    return f"sha256-{encode_base64(hashlib.sha256(text.encode()).digest())}"


def render_page(name: str, values: Mapping[str, Any], *, scripts: Sequence[str]) -> bytes:
    """A whole page, UTF-8: no other file, no request to anywhere.

    Args:
      name: `name`.html is the template; base.css and `name`.css its style.
      values: what the template shows; escaped there.
      scripts: files that become its script, one after the other.
    """
    from markupsafe import Markup

    style, script = _read_asset("base.css") + _read_asset(f"{name}.css"), "".join(map(_read_asset, scripts))
    own = {"style": Markup(style), "script": Markup(script)}  # ours: hashed below, so they must stay to the letter
    hashes = {"style_hash": _hash_text(style), "script_hash": _hash_text(script)}
    return _render(f"{name}.html", **values, **own, **hashes).encode()
