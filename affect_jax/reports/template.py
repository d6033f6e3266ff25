"""Self-contained HTML pages: a template with its style and script inside, and a policy that forbids everything else."""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources


def render(name: str, pieces: Mapping[str, str], *, scripts: Sequence[str]) -> bytes:
    """The page, UTF-8: `{{title}}` and the like of a template beside this module are replaced once.

    Args:
      name: `name`.html is the template; base.css and `name`.css become `{{style}}`.
      pieces: what else goes in; already escaped, and not read again.
      scripts: files that become `{{script}}`, one after the other.
    """
    style, script = _part("base.css") + _part(f"{name}.css"), "".join(map(_part, scripts))
    own = {"style": style, "style_hash": _hash(style), "script": script, "script_hash": _hash(script)}
    return b"".join(_filled(_part(f"{name}.html"), {**own, **pieces}))


def text(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode()


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(part: str) -> str:
    """How a content security policy names an element's text."""
    return f"sha256-{text(hashlib.sha256(part.encode()).digest())}"


def _filled(template: str, pieces: Mapping[str, str]) -> Iterator[bytes]:
    at = 0
    for found in re.finditer(r"\{\{(\w+)\}\}", template):
        yield template[at : found.start()].encode()
        yield pieces[found[1]].encode()
        at = found.end()
    yield template[at:].encode()
