"""A student of several networks of its own kind."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.config.models import choose_fields, make_model
from affect_jax.errors import UserError
from affect_jax.models.distilled import average_answers

MEMBER = dict(name="early", hidden=(3,), summary="mean")
CONFIG = dict(name="distilled", member=MEMBER, modalities=("a", "b"), teachers=2)
DRAW = np.random.default_rng(0)
INPUTS = {m: DRAW.normal(size=(4, 5, 2)).astype("f4") for m in "ab"}
MASKS = {m: np.ones((4, 5), bool) for m in "ab"}


@pytest.mark.parametrize("classes", [0, 3])
def test_teachers_are_networks_of_their_own_and_their_mean_teaches(classes):
    model = make_model(CONFIG | dict(classes=classes))
    variables = jax.jit(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))()
    params = variables["params"]
    assert sorted(params) == ["student", "teacher_0", "teacher_1"]
    member = make_model(MEMBER | dict(modalities=("a", "b"), classes=classes))
    outputs = model.apply(variables, INPUTS, MASKS, train=False)
    for name in params:
        alone = member.apply({"params": params[name]}, INPUTS, MASKS, train=False)["prediction"]
        of_name = outputs["prediction" if name == "student" else f"prediction/{name}"]
        np.testing.assert_allclose(of_name, alone, atol=1e-6)
    each = jnp.stack([outputs["prediction/teacher_0"], outputs["prediction/teacher_1"]])
    assert np.abs(each[0] - each[1]).max() > 1e-2
    if classes:
        mean = jax.nn.softmax(each).mean(0)
        np.testing.assert_allclose(jax.nn.softmax(outputs["logits/teachers"]), mean, atol=1e-6)
        np.testing.assert_array_equal(outputs["prediction/teachers"], outputs["logits/teachers"])
    else:
        np.testing.assert_allclose(outputs["prediction/teachers"], each.mean(0), atol=1e-6)
        assert "logits/teachers" not in outputs
    deployed = {"params": {name: params[name] for name in model.deployed}}
    np.testing.assert_array_equal(model.apply(deployed, INPUTS, MASKS, method="deploy"), outputs["prediction"])


def test_a_network_that_does_not_learn_runs_as_in_prediction():
    """The teachers of the second stage neither drop units nor depend on the key; the student does."""
    model = make_model(CONFIG | dict(classes=3))
    variables = jax.jit(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))()

    @jax.jit
    def teach(key):
        settings = dict(train=True, dropout=0.5, frozen=("teacher_0", "teacher_1"), rngs={"dropout": key})
        return model.apply(variables, INPUTS, MASKS, **settings)

    plain = model.apply(variables, INPUTS, MASKS, train=False)
    one, other = teach(jax.random.key(1)), teach(jax.random.key(2))
    np.testing.assert_allclose(one["logits/teachers"], plain["logits/teachers"], atol=1e-6)
    assert np.abs(one["logits"] - other["logits"]).max() > 1e-2


def test_the_mean_of_sure_teachers_is_finite():
    sure = jnp.array([[[300.0, 0.0]], [[0.0, 300.0]]])
    np.testing.assert_allclose(jax.nn.softmax(average_answers(sure, 2)), [[0.5, 0.5]], atol=1e-6)


def test_a_student_of_one_modality_is_deployed_without_the_others():
    model = make_model(CONFIG | dict(classes=3, teachers=1, heard=("b",)))
    variables = jax.jit(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))()
    widths = {name: of["hidden_0"]["kernel"].shape[0] for name, of in variables["params"].items()}
    assert widths == dict(student=2, teacher_0=4)
    whole = model.apply(variables, INPUTS, MASKS, train=False)["prediction"]
    own = [{"b": of["b"]} for of in (INPUTS, MASKS)]
    np.testing.assert_array_equal(model.apply(variables, *own, method="deploy"), whole)
    with pytest.raises(UserError, match=r"config.model.heard is \('c',\), .* choose of a, b"):
        make_model(CONFIG | dict(heard=("c",))).init(jax.random.key(0), INPUTS, MASKS, train=False)


def test_what_is_read_is_what_the_member_reads():
    lengths = {"face": 1, "sound": 400}
    assert choose_fields(CONFIG | dict(member=dict(name="spectrogram_cnn")), lengths) == {
        "modalities": ("sound", "face")
    }


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("early", "config.model.member is 'early'; give a table with the name of a model and its arguments"),
        ({"hidden": (3,)}, "give a table with the name of a model"),
        ({"name": "erly"}, r"'erly' \(did you mean 'early'\?\)"),
        (MEMBER | dict(hiden=(3,)), r"takes no 'hiden' \(did you mean 'hidden'\?\)"),
        (MEMBER | dict(units=0), "config.model.member.units"),
    ],
)
def test_members_that_cannot_be(member, message):
    with pytest.raises(UserError, match=message):
        make_model(CONFIG | dict(member=member))
