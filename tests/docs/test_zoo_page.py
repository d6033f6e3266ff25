"""docs/zoo.md: every method has a row, every row's config exists, and what it says is proven is."""

import pkgutil

from affect_jax.convert import methods
from affect_jax.models import colearning, fusion
from configs import zoo
from tests.docs import commands, pages

PAGE = pages.read(commands.ROOT / "docs" / "zoo.md")
HEADER = ["method", "paper", "source", "licence", "proven", "parameters", "differs"]
TABLES = [[pages.cells(row.text) for row in rows] for header, rows in PAGE.tables() if header == HEADER]
ROWS = [row for table in TABLES for row in table]
NAMES = [row[0].strip("`") for row in ROWS]


def test_every_model_has_a_row_and_every_row_a_config():
    assert len(set(NAMES)) == len(NAMES)
    models = {module.name for module in pkgutil.iter_modules([*fusion.__path__, *colearning.__path__])}
    assert set(NAMES) == models | set(methods.list_methods())
    configs = [
        zoo.get_config(f"{family},{corpus}")
        for family in zoo.FAMILIES
        for corpus in zoo.CORPORA
        if zoo.list_methods(corpus, family)
    ]
    studied = {study["model"]["name"] for config in configs for study in config.studies.values()}
    assert models <= studied


def test_co_learning_methods_are_in_the_second_table():
    assert {row[0].strip("`") for row in TABLES[1]} == {m.name for m in pkgutil.iter_modules(colearning.__path__)}


def test_what_is_proven_has_a_converter():
    for name, row in zip(NAMES, ROWS, strict=True):
        is_proven = "small" in row[4].split(":")[0].replace(",", "").split()
        assert is_proven == (name in methods.list_methods()), name
        assert bool(row[5]) == is_proven, name
