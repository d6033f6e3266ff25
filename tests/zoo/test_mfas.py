"""MFAS: one program computes whatever fusion was chosen, and a study sets each trial's choice."""

import functools

import jax
import numpy as np
import pytest

from affect_jax.config.hyper import Hyper
from affect_jax.config.models import check_choices
from affect_jax.errors import UserError
from affect_jax.layers.choices import CHOICES
from affect_jax.training.initial import set_choices
from affect_jax.training.step import STATISTICS, join_variables, split_variables
from affect_jax.training.trials import Trial
from tests.zoo import test_models
from tests.zoo.small_models import ALL, MODELS

MODEL = MODELS["mfas"]
ACTIVATIONS = (lambda y: np.maximum(y, 0), lambda y: 1 / (1 + np.exp(-y)), lambda y: np.where(y > 0, y, 0.01 * y))


def make_trials(*choices):
    return [Trial("v", 0, 0, {"fit": Hyper(0.0, 0.1, 0.0, None, 0.0, {}, c)}) for c in choices]


def fuse(params, vectors, chosen):
    """The formula of the module's docstring, a layer at a time."""
    layers = {m: [] for m in ALL}
    for m in ALL:
        x = vectors[m]
        for i in range(MODEL.layers):
            x = np.maximum(x @ params[f"{m}_layer_{i}"]["kernel"] + params[f"{m}_layer_{i}"]["bias"], 0)
            layers[m].append(x)
    z = None
    for i in range(chosen["depth"] + 1):
        read = [layers[m][chosen[f"layer_{i}_{m}"]] for m in ALL] + ([] if z is None else [z])
        y = np.concatenate(read, -1) @ params[f"fusion_{i}"]["kernel"] + params[f"fusion_{i}"]["bias"]
        z = ACTIVATIONS[chosen[f"activation_{i}"]](y)
    return z


def test_every_choice_is_what_its_formula_says():
    variables = test_models.variables("mfas")
    draw = np.random.default_rng(0)
    vectors = {m: draw.normal(size=(3, 2 * test_models.SIZES[m])).astype("f4") for m in ALL}
    # Statistics of one step are the step and zeros.
    inputs = {m: x[:, None, : test_models.SIZES[m]] for m, x in vectors.items()}
    vectors = {m: np.concatenate([x[:, 0], 0 * x[:, 0]], -1) for m, x in inputs.items()}
    masks = {m: np.ones((3, 1), bool) for m in ALL}
    choices = [{name: int(draw.integers(count)) for name, count in MODEL.choices.items()} for _ in range(8)]
    stacked = jax.tree.map(lambda x: np.broadcast_to(x, (8, *x.shape)), join_variables(variables))
    submodules = set_choices(stacked, make_trials(*choices), "fit")
    apply = jax.jit(jax.vmap(functools.partial(MODEL.apply, train=False), (0, None, None)))
    fused = apply(split_variables(submodules), inputs, masks)["fused"]
    for value, chosen in zip(fused, choices, strict=True):
        np.testing.assert_allclose(value, fuse(variables["params"], vectors, chosen), rtol=1e-5, atol=1e-6)


def test_a_stage_sets_its_own_choices_and_keeps_the_others():
    submodules = {"a": {"w": np.ones((2, 3))}, STATISTICS: {CHOICES: {"x": np.zeros(2), "y": np.full(2, 5.0)}}}
    changed = set_choices(submodules, make_trials({"x": 1.0}, {"x": 2.0}), "fit")
    assert changed[STATISTICS][CHOICES]["x"].tolist() == [1, 2]
    assert changed[STATISTICS][CHOICES]["y"].tolist() == [5, 5]
    assert set_choices(submodules, make_trials({}, {}), "fit") is submodules


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"depht": 0}, r"config.stages.fit.choices.depht is no choice of model 'mfas' \(did you mean 'depth'"),
        ({"depth": 2}, "choices.depth is 2; set a whole number from 0 to 1"),
        ({"layer_0_text": 0.5}, "layer_0_text is 0.5; set a whole number"),
    ],
)
def test_wrong_choices_are_told(choices, message):
    from affect_jax.config.schema import Study

    (trial,) = make_trials(choices)
    study = Study("s", {"name": "mfas"}, (), trial.hyper, {}, ({},))
    with pytest.raises(UserError, match=message):
        check_choices(MODEL, study, {})
    (trial,) = make_trials(dict.fromkeys(MODEL.choices, 0))
    good = study._replace(hyper=trial.hyper)
    check_choices(MODEL, good, {"stages.fit.choices.depth": (0, 1)})
    with pytest.raises(UserError, match="choices.depth is 2"):
        check_choices(MODEL, good, {"stages.fit.choices.depth": (0, 2)})
    with pytest.raises(UserError, match="it has none"):
        check_choices(MODELS["xflow"], study._replace(model={"name": "xflow"}), {})
