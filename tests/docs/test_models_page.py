"""docs/models.md: every model stands there, and its numbers of parameters are those of the configs."""

import functools
import math
import pkgutil
import re

import jax
import jax.numpy as jnp
import pytest

from affect_jax import models
from affect_jax.config.load import load_config
from affect_jax.config.models import make_model
from tests import small
from tests.docs import commands, pages

PAGE = pages.read(commands.ROOT / "docs" / "models.md")
HEADER = ["config", "study", "reads", "parameters", "deployed"]
ROWS = [row for header, rows in PAGE.tables() if header == HEADER for row in rows]


def count(model, reads):
    """(parameters of the model, of what is deployed), by shapes alone; reads: 'text [128, 300], audio [1000, 120]'."""
    inputs, masks = {}, {}
    for name, sizes in re.findall(r"(\w+) \[([\d, ]+)\]", reads):
        shape = (2, *map(int, sizes.split(",")))
        inputs[name] = jax.ShapeDtypeStruct(shape, jnp.float32)
        masks[name] = jax.ShapeDtypeStruct(shape[:-1], bool)
    init = functools.partial(model.init, train=False)
    shapes = jax.eval_shape(init, jax.random.key(0), inputs, masks)["params"]
    parts = {part: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree)) for part, tree in shapes.items()}
    return sum(parts.values()), sum(parts[part] for part in model.deployed)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(pages.cells(row.text)[:2]).replace("`", ""))
def test_numbers_of_parameters(row):
    config_arg, study, reads, whole, deployed = (cell.replace("`", "") for cell in pages.cells(row.text))
    name, _, argument = config_arg.removeprefix("configs/").partition(":")
    config = small.forget_synthetic(commands.config(name, argument or None))
    specs = {spec.name: spec for spec in load_config(config).studies}
    found = count(make_model(specs[study].model), reads)
    assert [f"{number:,}" for number in found] == [whole, whole if deployed == "all" else deployed], (
        f"docs/models.md:{row.line}"
    )


def test_every_model_has_a_section():
    assert len(ROWS) > 10
    named = {word.text for word in PAGE.inline()}
    missing = [module.name for module in pkgutil.iter_modules(models.__path__) if module.name not in named]
    assert not missing
