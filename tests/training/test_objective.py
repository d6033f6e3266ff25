"""Losses by name: what a config may name is what the engine has."""

import functools
import inspect

import jax
import numpy as np
import pytest

from affect_jax.config import losses
from affect_jax.errors import UserError
from affect_jax.training import objective


@functools.partial(jax.jit, static_argnums=0)
def total_loss(terms, outputs, batch):
    """`objective.total_loss` at weights of 1, as one program."""
    return objective.total_loss(terms, {term.name: 1.0 for term in terms}, outputs, batch, {})


GROUPS = ("ELEMENTWISE", "AGREEMENT", "ALIGNMENT", "DISTRIBUTION", "EMBEDDING", "TEACHING", "ADVERSARIAL", "STATEFUL")


def test_every_kind_that_a_config_may_name_has_a_function():
    for group in GROUPS:
        assert tuple(getattr(objective, group)) == getattr(losses, group)


@pytest.mark.parametrize("kind", losses.KINDS)
def test_options_that_a_config_may_set_are_those_of_the_function(kind):
    groups = (getattr(objective, group) for group in GROUPS)
    function = {name: of_group[name] for of_group in groups for name in of_group}[kind]
    parameters = inspect.signature(function[1] if kind in losses.STATEFUL else function).parameters.values()
    options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert tuple(options) == tuple(losses.OPTIONS.get(kind, ()))
    assert [name for name, default in options.items() if default is inspect.Parameter.empty] in ([], ["k"])


def test_a_translation_of_an_items_sequence_counts_the_steps_that_it_has():
    losses_of = {"t": dict(kind="mse", prediction="translation/face", target="inputs/face", weight=1.0)}
    face = np.zeros((2, 3, 2), np.float32)
    masks = {"face": np.array([[True, True, False], [True, True, True]])}
    batch = dict(inputs={"face": face}, masks=masks, target=np.zeros(2), mask=np.array([True, False]))
    said = np.broadcast_to(np.array([1.0, 3.0, 100.0])[None, :, None], face.shape)
    value = total_loss(losses.parse_losses(losses_of), {"translation/face": said}, batch)
    assert value.total == 5


def test_maps_are_aligned_where_an_item_has_both_modalities():
    draw = np.random.default_rng(0)
    maps = {f"map/{m}": draw.normal(size=(2, 3, 2)).astype("f4") for m in "ab"}
    logits = {"logits/a": np.zeros((2, 3), "f4"), "logits/b": np.array([[4.0, 0, 0], [0, 4.0, 0]], "f4")}
    predictions = {f"prediction/{m}": logits[f"logits/{m}"] for m in "ab"}
    masks = {"a": np.ones((2, 4), bool), "b": np.array([True, False])}
    batch = dict(inputs={}, masks=masks, target=np.array([0, 1]), mask=np.ones(2, bool))
    terms = losses.parse_losses({"t": dict(kind="ssa", a="map/a", b="map/b", weight=1.0)})
    outputs = {**maps, **logits, **predictions}
    value = total_loss(terms, outputs, batch).total
    gap = np.log(3) - np.log1p(2 * np.exp(-4))
    unit = [x[0] / np.linalg.norm(x[0], axis=0) for x in maps.values()]
    distance = np.sqrt(np.mean(np.square(unit[0] @ unit[0].T - unit[1] @ unit[1].T)))
    np.testing.assert_allclose(value, np.expm1(2 * gap) * distance, rtol=1e-5)
    objective.check_names(terms, outputs)
    del outputs["prediction/b"]
    with pytest.raises(UserError, match="reads 'prediction/b'"):
        objective.check_names(terms, outputs)
    with pytest.raises(UserError, match="needs one label an item"):
        total_loss(terms, outputs, {**batch, "mask": np.ones((2, 4), bool)})


@pytest.mark.parametrize("kind", ["contrastive", "triplet", "kl"])
def test_a_modality_teaches_where_an_item_has_both(kind):
    draw = np.random.default_rng(0)
    outputs = {f"latent/{m}": draw.normal(size=(4, 3)).astype("f4") for m in "ab"}
    masks = {"a": np.array([[True, True]] * 3 + [[False, False]]), "b": np.array([True, False, True, True])}
    batch = dict(inputs={}, masks=masks, target=np.array([0, 1, 1, 0]), mask=np.ones(4, bool))
    names = ("prediction", "target") if kind == "kl" else ("a", "b")
    loss = dict(kind=kind, weight=1.0) | dict(zip(names, outputs, strict=True))
    terms = losses.parse_losses({"t": loss})
    value = total_loss(terms, outputs, batch).total
    cut = {name: x[[0, 2]] for name, x in outputs.items()}
    both = dict(inputs={}, masks={}, target=batch["target"][[0, 2]], mask=np.ones(2, bool))
    np.testing.assert_allclose(value, total_loss(terms, cut, both).total, rtol=1e-5)


def test_what_has_no_label_counts_where_no_label_is_read():
    """A teacher's softened answer is learned of all examples; what reads labels, of those that have one."""
    draw = np.random.default_rng(0)
    outputs = {name: draw.normal(size=(4, 3)).astype("f4") for name in ("logits", "logits/a", "latent/a", "latent/b")}
    batch = dict(inputs={}, masks={}, target=np.array([0, 2, 1, 0]), mask=np.ones(4, bool))
    batch["labelled"] = np.array([True, True, True, False])
    terms = losses.parse_losses(
        {
            "label": dict(kind="cross_entropy", prediction="logits", target="target", weight=1.0),
            "near": dict(kind="triplet", a="latent/a", b="latent/b", weight=1.0),
            "soft": dict(kind="kl", prediction="logits", target="logits/a", weight=1.0),
        },
        "multiclass",
    )

    def evaluate(keep):
        cut = {name: x[:keep] for name, x in outputs.items()}
        of_batch = {name: batch[name][:keep] for name in ("target", "mask")} | dict(inputs={}, masks={})
        return total_loss(terms, cut, of_batch).terms

    some = total_loss(terms, outputs, batch).terms
    three, four = evaluate(3), evaluate(4)
    np.testing.assert_allclose([some["label"], some["near"]], [three["label"], three["near"]], rtol=1e-5)
    np.testing.assert_allclose(some["soft"], four["soft"], rtol=1e-5)
    assert abs(float(some["soft"]) - float(three["soft"])) > 1e-3
    assert abs(float(some["label"]) - float(four["label"])) > 1e-3
