"""What there is stands in the pages: corpora, configs, tables and figures, programs."""

import re

from affect_jax.datasets.catalog import list_corpora
from affect_jax.reports.thesis import GROUPS, TABLES
from tests.docs import commands, pages

DOCS = commands.ROOT / "docs"


def words(name):
    """Words in backticks, targets of links and commands of a page, as one text."""
    page = pages.read(DOCS / name)
    return "\n".join(piece.text for piece in (*page.inline(), *page.links(), *pages.commands(page)))


def test_every_corpus_has_its_line_and_its_command():
    shown = words("corpora.md")
    there = list_corpora()
    assert not [name for name in there if name not in shown]
    others = ("manifest", "arrays", "joined", "interacting", "planted", "spoken_conflict")
    readers = [name for name in there if name not in others]
    assert "--corpus=arrays --path=" in shown
    assert not [name for name in readers if f"--corpus={name} --manual_dir=" not in shown], (
        "say how to prepare a release"
    )
    assert not [name for name in readers if not re.search(rf"--corpus={name}(\s|$)", shown)], "say how to make the twin"


def test_every_table_of_the_thesis_has_its_command():
    shown = (DOCS / "tables.md").read_text()
    first = "\n".join(re.findall(r"^\| ([\d., ]+) \|", shown, re.MULTILINE))
    assert not [number for number in (*TABLES, "4.4") if not re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", first)]
    assert not [group for group in GROUPS if f"`--tables={group}`" not in shown and f"`{group}`" not in shown]


def test_every_config_is_in_a_page():
    shown = "\n".join(path.read_text() for path in (commands.ROOT / "README.md", *DOCS.glob("*.md")))
    assert not [name for name in commands.CONFIGS if f"configs/{name}" not in shown]


def test_every_program_is_in_a_page():
    shown = "\n".join(path.read_text() for path in (commands.ROOT / "README.md", *DOCS.glob("*.md")))
    assert not [name for name in commands.PROGRAMS if f"launch.{name}" not in shown]
