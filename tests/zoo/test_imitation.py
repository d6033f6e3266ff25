"""Methods whose hallucinations, or embeddings, imitate a teacher: their losses by hand, and what a control learns."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.config.changes import merge_changes
from affect_jax.config.losses import parse_losses
from affect_jax.config.models import make_model
from affect_jax.errors import UserError
from affect_jax.models.colearning import admd, hallucination
from affect_jax.training import objective
from configs import zoo
from tests.zoo.proof import COMPILED_FAST

METHODS = ("hallucination", "modality_distillation", "admd", "hmtl")
SIZES = dict(audio=3, video=4, text=2)
CLASSES, ITEMS = 7, 5


@functools.cache
def plan(method):
    """The study's model at a small size, its stages as the config has them, and the control's weights by stage."""
    config = zoo.get_config(f"colearning,synthetic,{method}").to_dict()
    study = config["studies"][method]
    stages = merge_changes(config["stages"], study["stages"])
    small = dict(units=4) if method == "hmtl" else dict(width=4)
    small |= dict(bottleneck=3, judge=6) if method == "admd" else {}
    control = study["variants"]["control"]["stages"]
    return make_model({**study["model"], **small}), {name: stages[name] for name in study["schedule"]}, control


def make_batch(seed=0):
    draw, lacks = np.random.default_rng(seed), dict(audio=(), video=(1,), text=(2,))
    masks = {m: np.array([[n not in lacks[m]] * 3 for n in range(ITEMS)]) for m in SIZES}
    inputs = {m: draw.normal(size=(ITEMS, 3, d)).astype("f4") for m, d in SIZES.items()}
    return dict(inputs=inputs, masks=masks, target=np.arange(ITEMS) % CLASSES, mask=np.ones(ITEMS, bool))


@pytest.mark.parametrize("method", METHODS)
def test_a_control_learns_nothing_of_its_teachers(method):
    """Its deployed submodules have the same gradients whatever the teachers see; those of the method are others."""
    model, stages, control = plan(method)
    batch, other = make_batch(), make_batch(1)
    other["inputs"]["audio"] = batch["inputs"]["audio"]
    shapes = jax.eval_shape(lambda: model.init(jax.random.key(0), batch["inputs"], batch["masks"], train=False))
    draw = np.random.default_rng(2)  # jax's initialisers take long to compile
    params = jax.tree.map(lambda p: draw.uniform(-0.5, 0.5, p.shape).astype("f4"), shapes["params"])
    terms = {name: parse_losses(stage["losses"], "multiclass") for name, stage in stages.items()}
    ours = {name: {loss: of["weight"] for loss, of in stage["losses"].items()} for name, stage in stages.items()}
    changed = {name: {loss: of["weight"] for loss, of in stage["losses"].items()} for name, stage in control.items()}
    of_control = {name: weights | changed.get(name, {}) for name, weights in ours.items()}

    def descend(deployed, batch, weights):
        outputs = model.apply({"params": {**params, **deployed}}, batch["inputs"], batch["masks"], train=False)
        return sum(objective.total_loss(terms[name], weights[name], outputs, batch, {}).total for name in terms)

    @functools.partial(jax.jit, compiler_options=COMPILED_FAST)
    def compute(inputs, weights):  # which are traced, as they are in a study
        deployed = {name: params[name] for name in model.deployed}
        return jax.grad(descend)(deployed, {**batch, "inputs": inputs}, weights)

    alone, alone_else = (compute(one["inputs"], of_control) for one in (batch, other))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), alone, alone_else)
    taught = compute(batch["inputs"], ours)
    assert max(jax.tree.leaves(jax.tree.map(lambda a, b: float(np.abs(a - b).max()), taught, alone))) > 1e-3


def test_the_loss_of_modality_distillation_by_hand():
    """Half hard, half soft at temperature 10, .01 times the squares, as in the public code; less a constant.

    The square of the temperature, in `kl`, is Hinton's."""
    stage = plan("modality_distillation")[1]["hallucinations"]["losses"]
    losses = {name: loss for name, loss in stage.items() if name.endswith("_text")}
    draw, width, at = np.random.default_rng(0), 16, np.arange(3)
    ours, theirs, mine, codes = (draw.normal(size=(3, n)) for n in (CLASSES, CLASSES, width, width))
    names = {"logits/hallucination/text": ours, "logits/text": theirs, "imitation/text": mine, "imitated/text": codes}
    batch = dict(inputs={}, masks={}, target=np.array([0, 3, 6]), mask=np.ones(3, bool))
    weights = {name: loss["weight"] for name, loss in losses.items()}
    value = objective.total_loss(parse_losses(losses, "multiclass"), weights, names, batch, {}).total

    def soften(logits, temperature=1.0):
        powers = np.exp(logits / temperature)
        return powers / powers.sum(-1, keepdims=True)

    hard, goal = -np.log(soften(ours)[at, batch["target"]]), soften(theirs, 10)
    soft, entropy = -(goal * np.log(soften(ours, 10))).sum(-1), -(goal * np.log(goal)).sum(-1)
    squares = np.square(mine - codes).sum(-1)
    np.testing.assert_allclose(value, np.mean(0.5 * hard + 0.5 * 10**2 * (soft - entropy) + 0.01 * squares), rtol=1e-4)


def test_an_example_without_the_teacher_is_not_compared():
    model, batch = plan("hallucination")[0], make_batch()
    outputs, _ = jax.jit(
        lambda: model.init_with_output(jax.random.key(0), batch["inputs"], batch["masks"], train=False),
        compiler_options=COMPILED_FAST,
    )()
    same = np.isclose(outputs["imitation/video"], outputs["imitated/video"]).all(axis=1)
    np.testing.assert_array_equal(same, ~batch["masks"]["video"][:, 0])


def test_a_discriminator_has_the_layers_of_the_public_code():
    """Of a bottleneck of 128: 1,024, two of 1,024, 2,048, 3,072, and a class more than there are."""
    judge = admd.Discriminator(1024, 6)
    shapes = jax.eval_shape(lambda: judge.init(jax.random.key(0), jnp.zeros((1, 128))))["params"]
    widths = [shapes[name]["kernel"].shape for name in (*(f"layer_{i}" for i in range(5)), "head")]
    assert widths == [(128, 1024), (1024, 1024), (1024, 1024), (1024, 2048), (2048, 3072), (3072, 6)]


def test_a_label_a_step_is_a_stream_for_each_step():
    """Each step is answered as an item of that step alone would be, whatever imitates what."""
    model, batch = plan("modality_distillation")[0], make_batch()
    inputs, masks = batch["inputs"], batch["masks"]
    alone = {m: x.reshape(-1, x.shape[-1]) for m, x in inputs.items()}, {m: x.ravel() for m, x in masks.items()}

    def compute():
        variables = model.init(jax.random.key(0), inputs, masks, train=False)
        return (
            model.clone(per_step=True).apply(variables, inputs, masks, train=False),
            model.apply(variables, *alone, train=False),
        )

    of_steps, of_items = jax.jit(compute, compiler_options=COMPILED_FAST)()
    assert of_steps.keys() == of_items.keys()
    for name, value in of_steps.items():
        np.testing.assert_allclose(value.reshape(of_items[name].shape), of_items[name], atol=1e-5)
        assert value.shape[:2] == (ITEMS, 3)


@pytest.mark.parametrize("method", ["admd", "hmtl"])
def test_labels_of_steps_fit_every_loss_of_a_study(method):
    """HMTL's embeddings of steps, too: every term is one number, and padding reaches none."""
    model, stages, _ = plan(method)
    model, batch = model.clone(per_step=True), make_batch()
    batch["masks"] = {
        m: mask & (np.arange(3)[None] < np.array([[3], [2], [3], [1], [2]])) for m, mask in batch["masks"].items()
    }
    batch |= dict(target=np.arange(15).reshape(ITEMS, 3) % CLASSES, mask=batch["masks"]["audio"])
    draw, key = np.random.default_rng(2), jax.random.key(0)
    shapes = jax.eval_shape(lambda: model.init(key, batch["inputs"], batch["masks"], train=False))
    variables = jax.tree.map(lambda p: draw.uniform(-0.5, 0.5, p.shape).astype("f4"), shapes)

    @functools.partial(jax.jit, compiler_options=COMPILED_FAST)
    def compute(inputs):
        outputs = model.apply(variables, inputs, batch["masks"], train=False)
        terms = [parse_losses(stage["losses"], "multiclass") for stage in stages.values()]
        ones = [{term.name: 1.0 for term in of_stage} for of_stage in terms]
        return [
            objective.total_loss(of_stage, one, outputs, {**batch, "inputs": inputs}, {}).terms
            for of_stage, one in zip(terms, ones, strict=True)
        ]

    values = compute(batch["inputs"])
    spoiled = {m: np.where(batch["masks"][m][..., None], x, 9.0).astype("f4") for m, x in batch["inputs"].items()}
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), values, compute(spoiled))
    assert all(np.shape(x) == () and np.isfinite(x) for x in jax.tree.leaves(values))


@pytest.mark.parametrize(
    ("modalities", "message"),
    [
        (("audio", "teachers"), "has a modality called 'teachers'"),
        (("audio", "audio"), "name each of them once"),
        (("audio", "smell"), "reads modality 'smell' but the batch has audio, text, video"),
    ],
)
def test_a_teacher_that_cannot_be_is_told(modalities, message):
    batch = make_batch()
    with pytest.raises(UserError, match=message):
        jax.eval_shape(
            lambda: hallucination.Model(modalities).init(
                jax.random.key(0), batch["inputs"], batch["masks"], train=False
            )
        )
