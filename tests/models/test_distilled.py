"""A student of several networks of its own kind."""

import jax
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


def draw_variables(model):
    """By numpy: jax's initialisers take long to compile."""
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), INPUTS, MASKS, train=False))
    return jax.tree.map(lambda leaf: DRAW.uniform(-0.7, 0.7, leaf.shape).astype("f4"), shapes)


def softmax(x):
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("classes", [0, 3])
def test_teachers_are_networks_of_their_own_and_their_mean_teaches(classes):
    model = make_model(CONFIG | dict(classes=classes))
    params = draw_variables(model)["params"]
    assert sorted(params) == ["student", "teacher_0", "teacher_1"]
    member = make_model(MEMBER | dict(modalities=("a", "b"), classes=classes))

    @jax.jit
    def run(params):
        alone = {name: member.apply({"params": of}, INPUTS, MASKS, train=False) for name, of in params.items()}
        deployed = model.apply(
            {"params": {name: params[name] for name in model.deployed}}, INPUTS, MASKS, method="deploy"
        )
        return model.apply({"params": params}, INPUTS, MASKS, train=False), alone, deployed

    outputs, each_alone, deployed = jax.device_get(run(params))
    for name in params:
        alone = each_alone[name]["prediction"]
        of_name = outputs["prediction" if name == "student" else f"prediction/{name}"]
        np.testing.assert_allclose(of_name, alone, atol=1e-6)
    each = np.stack([outputs["prediction/teacher_0"], outputs["prediction/teacher_1"]])
    if classes:
        np.testing.assert_allclose(softmax(outputs["logits/teachers"]), softmax(each).mean(0), atol=1e-6)
        np.testing.assert_array_equal(outputs["prediction/teachers"], outputs["logits/teachers"])
    else:
        np.testing.assert_allclose(outputs["prediction/teachers"], each.mean(0), atol=1e-6)
        assert "logits/teachers" not in outputs
    np.testing.assert_array_equal(deployed, outputs["prediction"])


def test_each_network_starts_elsewhere():
    model = make_model(CONFIG | dict(classes=3))

    @jax.jit
    def start(key):  # of one kernel each, as the others would take longer to compile
        params = model.init(key, INPUTS, MASKS, train=False)["params"]
        return [params[name]["hidden_0"]["kernel"] for name in ("student", "teacher_0", "teacher_1")]

    student, first, second = jax.device_get(start(jax.random.key(0)))
    assert min(np.abs(student - first).max(), np.abs(student - second).max(), np.abs(first - second).max()) > 1e-2


def test_a_network_that_does_not_learn_runs_as_in_prediction():
    """The teachers of the second stage neither drop units nor depend on the key; the student does."""
    model = make_model(CONFIG | dict(classes=3))
    variables = draw_variables(model)

    @jax.jit
    def teach(key):
        settings = dict(train=True, dropout=0.5, frozen=("teacher_0", "teacher_1"), rngs={"dropout": key})
        taught = model.apply(variables, INPUTS, MASKS, **settings)
        return taught, model.apply(variables, INPUTS, MASKS, train=False)

    (one, plain), (other, _) = (jax.device_get(teach(jax.random.key(seed))) for seed in (1, 2))
    np.testing.assert_allclose(one["logits/teachers"], plain["logits/teachers"], atol=1e-6)
    assert np.abs(one["logits"] - other["logits"]).max() > 1e-2


def test_the_mean_of_sure_teachers_is_finite():
    sure = np.array([[[300, 0]], [[0, 300]]], np.float32)
    mean = np.asarray(jax.jit(lambda answers: average_answers(answers, 2))(sure))
    np.testing.assert_allclose(softmax(mean), [[0.5, 0.5]], atol=1e-6)


def test_a_student_of_one_modality_is_deployed_without_the_others():
    model = make_model(CONFIG | dict(classes=3, teachers=1, heard=("b",)))
    variables = draw_variables(model)
    widths = {name: of["hidden_0"]["kernel"].shape[0] for name, of in variables["params"].items()}
    assert widths == dict(student=2, teacher_0=4)
    own = [{"b": of["b"]} for of in (INPUTS, MASKS)]

    @jax.jit
    def run(variables):
        whole = model.apply(variables, INPUTS, MASKS, train=False)["prediction"]
        return whole, model.apply(variables, *own, method="deploy")

    np.testing.assert_array_equal(*run(variables))
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
