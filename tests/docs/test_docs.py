"""README, docs/ and the other pages: links lead somewhere, commands are understood, code compiles, names exist."""

import ast
import re
from collections.abc import Iterator

import pytest

from affect_jax.errors import UserError
from tests.docs import commands, pages

ROOT = commands.ROOT
CHANGELOG = ROOT / "CHANGELOG.md"
FILES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    CHANGELOG,
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "colabs").glob("*.md")),
)
PAGES = {path: pages.read(path) for path in FILES}
EXAMPLES = {
    match[1].removesuffix("/__init__").replace("/", ".")
    for page in PAGES.values()
    for block in page.blocks
    if (match := re.match(r"# (\w\S+)\.py\n", block.text))
}
"""Modules that a page writes: code blocks that begin with the name of their file."""
DIAGRAMS = ("flowchart", "graph", "sequenceDiagram", "classDiagram", "stateDiagram")
OURS = ("affect_jax", "launch", "configs", "tests", "benchmarks", "docs", "colabs", "results")
_PATH = re.compile(rf"(?:{'|'.join(OURS)})/[\w./-]+")
_SETTING = re.compile(r"(?:--)?(config(?:\.\w+)+)(?<!\.json)(?:=.*)?")
_COMMAND = re.compile(r"^make |^affect-jax |python\S* -m (?:launch|benchmarks)\.")
_FLAG = re.compile(r"--([a-z]\w*)(?:=.*)?")
FOREIGN = {"help", "helpfull", "signal", "requeue"}
"""Flags of absl and of SLURM's sbatch."""


def where(page: pages.Page, piece: pages.Piece) -> str:
    return f"{page.path.relative_to(ROOT)}:{piece.line}"


def expect_none(found: Iterator[tuple[pages.Page, pages.Piece, str]]) -> None:
    said = [f"{where(page, piece)}: {piece.text[:120]!r} {what}" for page, piece, what in found if what]
    if said:
        pytest.fail("\n".join(said), pytrace=False)


def check_link(page: pages.Page, target: str) -> str:
    """What is wrong with a link; of those to other places only the form is looked at."""
    if re.match(r"[a-z]+:", target):
        return (
            ""
            if re.fullmatch(r"https?://[\w.-]+\.[a-z]+(?::\d+)?(?:/\S*)?|mailto:\S+@\S+", target)
            else "is no address"
        )
    name, _, anchor = target.partition("#")
    path = (page.path.parent / name).resolve() if name else page.path
    if not path.exists():
        return "leads nowhere"
    if not path.is_relative_to(ROOT):
        return "leads out of the repository"
    if not anchor:
        return ""
    if path.suffix != ".md":
        return "has an anchor into a file that is no page"
    there = (PAGES.get(path) or pages.read(path)).anchors()
    return "" if anchor in there else f"has an anchor that {path.name} lacks; it has {sorted(there)}"


def links() -> Iterator[tuple[pages.Page, pages.Piece, str]]:
    for page in PAGES.values():
        for link in page.links():
            yield page, link, check_link(page, link.text)


def test_links_lead_somewhere():
    expect_none(links())


def test_every_page_can_be_reached_from_the_readme():
    reached, left = set(), [FILES[0]]
    while left:
        path = left.pop()
        if path not in reached and path in PAGES:
            reached.add(path)
            left += [(path.parent / link.text.partition("#")[0]).resolve() for link in PAGES[path].links()]
    assert not [path.name for path in FILES if path not in reached and path.parent.name == "docs"], (
        "link it from a page"
    )


def test_commands_are_understood():
    lines = ((page, line) for page in PAGES.values() for line in pages.commands(page) if _COMMAND.search(line.text))
    found = ((page, line, commands.wrong(line.text)) for page, line in lines)
    expect_none(found)


def check_word(word: str) -> str:
    """What is wrong with words in backticks that name a command, a config, a setting, a flag or a file of ours."""
    if "…" in word or "<" in word or "*" in word or "{" in word.partition("=")[0]:
        return ""
    if re.match(r"(python -m |launch\.\w+ |make |affect-jax )", word):
        return commands.wrong(word, whole=False)
    if re.fullmatch(r"configs/\w+\.py:[\w+,]+", word) and not commands.OPEN_CONFIG.search(word):
        name, _, argument = word.removeprefix("configs/").partition(":")
        try:
            commands.config(name, argument)
        except (FileNotFoundError, ValueError, UserError) as error:
            return str(error)
        return ""
    if setting := _SETTING.fullmatch(word):
        return "" if setting[1] in commands.everywhere() else "is a setting that no config has"
    if flag := _FLAG.fullmatch(word):
        names = {flag[1], flag[1].removeprefix("no")}
        return "" if names & (commands.every_flag() | FOREIGN) else "is a flag that no program has"
    if module := re.fullmatch(r"launch\.(\w+)", word):
        return "" if module[1] in commands.PROGRAMS else "is no program"
    if _PATH.fullmatch(word) and not (ROOT / word).exists():
        return "is not there"
    return ""


def test_what_is_named_exists():
    current = [page for page in PAGES.values() if page.path != CHANGELOG]  # which names what was renamed
    found = ((page, word, check_word(word.text)) for page in current for word in page.inline())
    expect_none(found)


def check_import(module: str, name: str) -> str:
    """'' where `from module import name` finds something of that name; read from the source, nothing is imported."""
    if module in EXAMPLES:
        return ""
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not source.is_file() and not path.is_dir():
        return f"imports {module}, which is not there"
    if not name or (path / name).is_dir() or (path / f"{name}.py").is_file():
        return ""
    defined = set()
    for node in ast.parse(source.read_text()).body if source.is_file() else ():
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                defined.add(node.name)
            case ast.Import() | ast.ImportFrom():
                defined |= {alias.asname or alias.name for alias in node.names}
            case ast.Assign():
                defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name()):
                defined.add(node.target.id)
    return "" if name in defined else f"imports {name} from {module}, which has none"


def check_python(source: str) -> str:
    """What is wrong with a block of python: its syntax, or an import of ours."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return f"is no python ({error.msg}, line {error.lineno} of it)"
    wanted = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            wanted += [(node.module, alias.name) for alias in node.names]
    return "; ".join(filter(None, (check_import(*names) for names in wanted if names[0].split(".")[0] in OURS)))


def blocks(*kinds: str) -> Iterator[tuple[pages.Page, pages.Piece]]:
    return ((page, block) for page in PAGES.values() for block in page.blocks if block.kind in kinds)


def test_python_compiles_and_its_imports_are_there():
    expect_none((page, block, check_python(block.text)) for page, block in blocks("python"))


def test_diagrams_say_something():
    found = list(blocks("mermaid"))
    assert found
    expect_none(
        (page, block, "" if block.text.strip().startswith(DIAGRAMS) and "\n" in block.text else "is no diagram")
        for page, block in found
    )


def test_fences_are_closed():
    for path in FILES:
        assert path.read_text().count("\n```") % 2 == 0, f"{path.name} has a code block without an end"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("python -m launch.train --config=configs/sew.py", "there is no launch.train"),
        ("python -m launch.main --config=configs/sew.py --workdr=a", "workdr"),
        ("python -m launch.main --config=configs/saw.py", "saw.py"),
        ("python -m launch.main --config=configs/sew.py:joy", "choose one of"),
        ("python -m launch.main --config=configs/sew.py --config.study.seed=3", "seed"),
        ("python -m launch.main --config=configs/sew.py --config.study.seeds='a", "no line of a shell"),
        ("python -m launch.main", "needs --config"),
        ("python -m launch.missing --k=5", "--run must have a value"),
        ("python -m launch.prepare --corpus=recolla", "no corpus 'recolla'"),
        ("python -m launch.report --tables=5.12", "no table '5.12'"),
        ("python -m launch.report --tables=5.4 --train --set=study.sedes=2", "sedes"),
        ("python -m launch.predict --run runs/a", "has no value"),
        ("python -m benchmarks.run --fast", "no flag --fast"),
        ("make tests", "no target 'tests'"),
        ("python -m launch.main --config=configs/sew.py:arousal,app+audio --config.study.seeds=3 # a comment", ""),
        ("python -m launch.explain --run=DIR [--id=CLIP,...] [--variant=NAME | --trial=3] > out.txt", ""),
        ("affect-jax trian --config=sew", "no subcommand 'trian'"),
        ("affect-jax train --config=saw", "neither a file nor a config"),
        ("affect-jax train --config=sew --config.study.seed=3", "seed"),
        ("affect-jax train --config=sew:arousal,geo+audio", ""),
        ("affect-jax --version", ""),
        ("make bench ARGS=--only=fusion", ""),
        ("pip install -r requirements.txt", ""),
    ],
)
def test_a_wrong_command_is_seen(line, what):
    found = commands.wrong(line)
    assert what in found if what else not found


@pytest.mark.parametrize(
    ("word", "wrong"),
    [
        ("configs/sew.py:joy", True),
        ("config.study.sedes", True),
        ("config.study.seeds=10", False),
        ("--manual_dirs", True),
        ("--manual_dir=DIR", False),
        ("affect_jax/models/saw.py", True),
        ("affect_jax/models/sew.py", False),
        ("launch.trains", True),
        ("launch.predict --run=converted FILE.wav", False),
        ("runs/sew", False),
    ],
)
def test_a_wrong_word_is_seen(word, wrong):
    assert bool(check_word(word)) is wrong


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("from affect_jax.models import sew", False),
        ("from affect_jax.models import saw", True),
        ("from affect_jax.metrics.regression import ccc, compute_moments", False),
        ("import affect_jax.metrix", True),
        ("x = (", True),
        ("import numpy as np", False),
    ],
)
def test_wrong_python_is_seen(source, wrong):
    assert bool(check_python(source)) is wrong


def test_a_wrong_link_is_seen(tmp_path):
    page = PAGES[FILES[0]]._replace(path=ROOT / "README.md")
    assert check_link(page, "docs/none.md")
    assert check_link(page, "docs/studies.md#none")
    assert not check_link(page, "docs/studies.md#stages")
    assert check_link(page, "../elsewhere")
    assert check_link(page, "http//x")
    assert not check_link(page, "https://example.org/a")


def test_pages_are_read_as_markdown(tmp_path):
    path = tmp_path / "a.md"
    table = "| a | b |\n| --- | --- |\n| 1 \\| 2 | [z](#w) |\n"
    path.write_text(f"# A `b`, c!\n\n    make x \\\n      y\n\n{table}\n```python\n1\n```\n# A b c\n<https://a.b>\n")
    page = pages.read(path)
    assert page.anchors() == {"a-b-c", "a-b-c-1"}
    assert [(line.line, line.text) for line in pages.commands(page)] == [(3, "make x y")]
    ((header, rows),) = page.tables()
    assert (header, pages.cells(rows[0].text)) == (["a", "b"], ["1 | 2", "[z](#w)"])
    assert [link.text for link in page.links()] == ["#w", "https://a.b"]
    assert [(block.line, block.kind, block.text) for block in page.blocks][1] == (10, "python", "1")
