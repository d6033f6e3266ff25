"""What a Markdown page holds, each piece with its line: code blocks, words in backticks, links, headings, tables."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(r"\s*(```+|~~~+)\s*(\S*)")
_LINK = re.compile(r"\]\(\s*([^)\s]+)(?:\s+\"[^\"]*\")?\s*\)")
_BARE = re.compile(r"<(https?:[^>\s]*)>|\b(?:src|href)=\"([^\"]*)\"")
_INLINE = re.compile(r"(`+)(.+?)\1")


class Piece(NamedTuple):
    """A part of a page: the line that it starts on, from 1; a code block's language, else ''; its text."""

    line: int
    kind: str
    text: str


class Page(NamedTuple):
    """One Markdown file.

    Attributes:
      path: the file.
      blocks: code, fenced (kind: the language, '' for none) or indented (kind 'indented').
      prose: the other lines.
    """

    path: Path
    blocks: list[Piece]
    prose: list[Piece]

    def inline(self) -> Iterator[Piece]:
        """Words in backticks."""
        for line in self.prose:
            yield from (Piece(line.line, "", match[2].strip()) for match in _INLINE.finditer(line.text))

    def links(self) -> Iterator[Piece]:
        """Targets of links and pictures."""
        for line in self.prose:
            plain = _INLINE.sub("", line.text)
            yield from (Piece(line.line, "", match[1]) for match in _LINK.finditer(plain))
            yield from (Piece(line.line, "", match[1] or match[2]) for match in _BARE.finditer(plain))

    def anchors(self) -> set[str]:
        """The anchors that GitHub gives to the headings."""
        found: dict[str, int] = {}
        anchors = set()
        for line in self.prose:
            if not re.match(r"#{1,6} ", line.text):
                continue
            words = _LINK.sub("]", line.text.lstrip("#")).strip().lower()
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            count = found.get(slug, 0)
            found[slug] = count + 1
            anchors.add(f"{slug}-{count}" if count else slug)
        return anchors

    def tables(self) -> Iterator[tuple[list[str], list[Piece]]]:
        """(header, rows) of every table; a row's text is its line, to be split by `cells`."""
        lines = {line.line: line.text for line in self.prose}
        for number, text in lines.items():
            if (
                text.startswith("|")
                and re.fullmatch(r"[|\s:-]+", lines.get(number + 1, ""))
                and "-" in lines[number + 1]
            ):
                rows, at = [], number + 2
                while lines.get(at, "").startswith("|"):
                    rows.append(Piece(at, "", lines[at]))
                    at += 1
                yield cells(text), rows


def cells(row: str) -> list[str]:
    """The cells of a table's line."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]]


def read(path: Path) -> Page:
    """Parses a file."""
    blocks, prose, lines = [], [], path.read_text(encoding="utf-8").splitlines()
    at = 0
    while at < len(lines):
        start, fence = at, _FENCE.fullmatch(lines[at])
        if fence:
            at += 1
            while at < len(lines) and not lines[at].strip().startswith(fence[1]):
                at += 1
            blocks.append(Piece(start + 1, fence[2], "\n".join(lines[start + 1 : at])))
        elif lines[at].startswith("    ") and (at == 0 or not lines[at - 1].strip()):
            while at + 1 < len(lines) and (lines[at + 1].startswith("    ") or not lines[at + 1].strip()):
                at += 1
            blocks.append(Piece(start + 1, "indented", "\n".join(lines[start : at + 1])))
        else:
            prose.append(Piece(at + 1, "", lines[at]))
        at += 1
    return Page(path, blocks, prose)


def commands(page: Page) -> Iterator[Piece]:
    """Lines of code blocks that are not python or a diagram, with what a backslash goes on with."""
    for block in page.blocks:
        if block.kind in ("python", "mermaid"):
            continue
        number, lines = block.line + (block.kind != "indented"), block.text.splitlines()
        while lines:
            line, taken = lines.pop(0).strip(), 1
            while line.endswith("\\") and lines:
                line, taken = line[:-1] + lines.pop(0).strip(), taken + 1
            yield Piece(number, "", line)
            number += taken
