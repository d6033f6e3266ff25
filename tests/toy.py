"""A corpus and a model small enough that whole studies of them train in a second."""

import flax.linen as nn
import jax
import numpy as np

from affect_jax.config.schema import Search
from affect_jax.config.search import list_points
from affect_jax.config.stages import default_hyper, parse_stage
from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.datasets import stored_array
from affect_jax.datasets.cache import Cache
from affect_jax.datasets.recordings import Recording
from affect_jax.training import loop, mesh
from affect_jax.training.trials import plan_trials


def recordings(count=8, length=9, seed=0, task="regression"):
    """`count` recordings of up to `length` steps; `b` shows the target well, `a` poorly."""
    draw = np.random.default_rng(seed)
    made = []
    for n in range(count):
        steps = length - n % 3
        truth = np.tanh(np.cumsum(draw.normal(size=steps)) / 2).astype(np.float32)
        made.append(
            Recording(
                id=f"r{n}",
                group=f"g{n}",
                steps=tuple(f"r{n}@{t}" for t in range(steps)),
                features={
                    "a": (truth[:, None] * [1.0, -1.0, 0.5] + draw.normal(size=(steps, 3))).astype(np.float32) * 3 + 5,
                    "b": (truth[:, None] * [1.0, 0.5] + 0.1 * draw.normal(size=(steps, 2))).astype(np.float32),
                },
                targets={"y": (truth > 0).astype(np.float32) if task == "binary" else truth},
            )
        )
    return made


def left_in_files(made, limit=0.0, kind=list):
    """The recordings with features that are read whenever they are asked for, but for `limit` bytes that are kept;
    `kind` makes the data source of a list of examples."""
    examples = stored_array.store_features(kind([{"features": recording.features} for recording in made]), Cache(limit))
    return [r._replace(features=example["features"]) for r, example in zip(made, examples, strict=True)]


class Counted(list):
    """Examples of a data source, which knows what was read."""

    def __init__(self, made):
        super().__init__(made)
        self.read = []

    def __getitem__(self, number):
        self.read.append(number)
        return super().__getitem__(number)


def development(unit="recording", folds=2, **kwargs):
    """(corpus, index, folds): fold k validates on recordings k and k + 2."""
    made = recordings(**kwargs)
    sizes = dict(window=4, hop=2) if unit == "window" else {}
    corpus, index = corpora.build_corpus(made, modalities=("a", "b"), target="y", unit=unit, **sizes)
    names = [r.id for r in made]
    splits = [
        folding.FoldMembers(f"f{k}", tuple(n for n in names if n not in (f"r{k}", f"r{k + 2}")), (f"r{k}", f"r{k + 2}"))
        for k in range(folds)
    ]
    return corpus, index, folding.build_folds(corpus, index, splits, {"a": True, "b": True})


class Model(nn.Module):
    """A teacher on `b`, a student on `a`, dropout on the student's code."""

    deployed = ("student",)
    weaker = "a"

    @nn.compact
    def __call__(self, inputs, masks, *, train, dropout=0.0, frozen=()):
        """Outputs as the real models name them."""
        latent = nn.tanh(nn.Dense(4, name="teacher")(inputs["b"]))
        code = nn.tanh(nn.Dense(4, name="student")(inputs["a"]))
        if train and "student" not in frozen:
            kept = jax.random.bernoulli(self.make_rng("dropout"), 1 - dropout, code.shape)
            code = code * kept / (1 - dropout)
        prediction = nn.Dense(1, name="head")(code)[..., 0]
        return {
            "prediction": prediction,
            "prediction/stronger": nn.Dense(1, name="teacher_head")(latent)[..., 0],
            "latent/weaker": code,
            "latent/stronger": latent,
        }


def stage_config(**changes):
    """A stage as configs write it."""
    config = dict(
        train=("student", "head"),
        losses={
            "prediction": dict(kind="mse", prediction="prediction", target="target", weight=1.0),
            "match": dict(kind="mse", prediction="latent/weaker", target="latent/stronger", weight=0.1),
        },
        optimizer=dict(name="sgd", learning_rate=0.05, inverse_time_decay=0.0, momentum=0.7, weight_decay=1e-4),
        batch=3,
        epochs=5,
        patience=0,
        plateau=dict(factor=0.1, patience=0),
        dropout=0.2,
        monitor=dict(metric="ccc", prediction="prediction"),
        keep="best",
    )
    return {**config, **changes}


def teacher_config(**changes):
    """The stage before it."""
    losses = {"prediction": dict(kind="mse", prediction="prediction/stronger", target="target", weight=1.0)}
    monitor = dict(metric="ccc", prediction="prediction/stronger")
    return stage_config(train=("teacher", "teacher_head"), losses=losses, monitor=monitor, **changes)


def stages(task="regression", **configs):
    """name -> config to (stages, default hyper-parameters of each)."""
    parsed = tuple(parse_stage(name, config, task) for name, config in configs.items())
    return parsed, {name: default_hyper(config) for name, config in configs.items()}


def trials(defaults, variants=None, axes=None, folds=2, seeds=(0, 1)):
    """Trials over everything."""
    return plan_trials(variants or {"toy": {}}, list_points(Search(), axes or {}), defaults, folds, seeds)


def engine(devices=1, at_once=1, checkpoint_seconds=0.0, data=1):
    """An engine on some of the virtual devices."""
    return loop.Engine(mesh.make_mesh(devices, data), at_once, 4, checkpoint_seconds)


def trees_equal(a, b, **tolerance):
    """Raises where two trees of arrays differ."""
    if tolerance:
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), a, b)
    else:
        jax.tree.map(np.testing.assert_array_equal, a, b)
