"""Models that read all modalities step by step: what they refuse, and faults of public code that they mend."""

import jax
import numpy as np
import pytest

from affect_jax import convert
from affect_jax.config.models import make_model
from affect_jax.errors import UserError
from affect_jax.models.fusion import raven
from tests.zoo import proof, test_proof
from tests.zoo.small_models import ALL


def _draw(**steps):
    draw = np.random.default_rng(0)
    inputs = {m: draw.normal(size=(2, count, 3)).astype(np.float32) for m, count in steps.items()}
    return inputs, {m: np.ones(x.shape[:2], bool) for m, x in inputs.items()}


@pytest.mark.parametrize("name", ["mfn", "graph_mfn", "raven", "cen"])
def test_steps_that_are_not_aligned_are_told(name):
    inputs, masks = _draw(text=4, video=4, audio=6)
    model = make_model({"name": name, "modalities": ALL})
    with pytest.raises(UserError, match=r"their steps differ: 'text' 4, .*'audio' 6; give an aligned corpus"):
        jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))


def test_sub_steps_of_a_word_are_read_in_order_and_only_mended_raven_learns_from_them():
    inputs, masks = _draw(text=2, audio=6)
    masks["audio"][0, 2], masks["audio"][1, 3:] = False, False  # the first word lacks its last; the second is silent
    sized = dict(modalities=("text", "audio"), width=2, units=2, hidden=2)

    def compute(x, fidelity):
        model = raven.Model(**sized, fidelity=fidelity)
        shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))
        draw = np.random.default_rng(1)
        variables = jax.tree.map(lambda p: draw.uniform(-1, 1, p.shape).astype(np.float32), shapes)
        return model.apply(variables, {**inputs, "audio": x}, masks, train=False)["prediction"].sum()

    gradients = {f: np.abs(jax.jit(jax.grad(compute), static_argnums=1)(inputs["audio"], f)) for f in raven.FIDELITY}
    np.testing.assert_array_equal(gradients["authors"], 0)
    np.testing.assert_array_equal(gradients["paper"].max(-1) > 0, masks["audio"])


def test_words_come_first_in_ones_own_corpus():
    assert raven.choose_fields({"voice": 9, "face": 9, "Words": 9}) == {"modalities": ("Words", "voice", "face")}


def test_ravens_norm_is_of_a_fixed_number_of_words():
    inputs, masks = _draw(text=2, audio=2)
    model = raven.Model(modalities=("text", "audio"), words=3)
    with pytest.raises(UserError, match="words=3, the number that its norm is of, but the batch has 2"):
        jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))


def test_nets_of_the_graph_are_read_from_beside_the_parameters_or_from_among_them():
    if "graph_mfn_small" not in test_proof.FILES:
        pytest.skip("the file is in ../shared/parity, which is not here")
    arrays = proof.read_fixture(test_proof.FILES["graph_mfn_small"]).state_dict
    model, variables, _ = convert.import_weights("graph_mfn", arrays, {})
    assert model.fidelity == "authors"
    assert {"vertex_0_1", "vertex_0_1_2"} < set(variables["batch_stats"]["graph"])
    trained = {name.replace("networks.", "graph_mfn.nets."): value for name, value in arrays.items()}
    mended, registered, _ = convert.import_weights("graph_mfn", trained, {})
    assert mended.fidelity == "paper"
    vertex = registered["params"]["graph"]["vertex_0_2"]
    jax.tree.map(np.testing.assert_array_equal, vertex, variables["batch_stats"]["graph"]["vertex_0_2"])
    lost = {name: value for name, value in arrays.items() if not name.startswith("networks.")}
    with pytest.raises(UserError, match="the public code does not save them"):
        convert.import_weights("graph_mfn", lost, {})


def test_arguments_that_are_dicts_are_compared_with_the_arrays():
    if "mfn_small" not in test_proof.FILES:
        pytest.skip("the file is in ../shared/parity, which is not here")
    arrays = proof.read_fixture(test_proof.FILES["mfn_small"]).state_dict
    for arguments, message in (
        ({"config": {"memsize": 8}}, "'config' of mfn has memsize 8, but the arrays are of 7"),
        ({"NN1Config": {"shapes": 5, "drop": 0.2}}, "'NN1Config' of mfn has shapes 5, but the arrays are of 6"),
        ({"NN1Config": {"dropp": 0.2}}, "'NN1Config' of mfn has 'dropp' \\(did you mean 'drop'"),
        ({"config": 3}, "'config' of mfn is 3, but needs names and values"),
    ):
        with pytest.raises(UserError, match=message):
            convert.import_weights("mfn", arrays, arguments)
