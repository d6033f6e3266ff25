"""A finished run of configs/fusion.py on a small corpus like RAVDESS, with first weights instead of trained ones.

The run leaves behind what experiment.run always does. Left out is only what takes long and is tested elsewhere: the
sound files and their features, and the fit, most of whose time is compiling.
"""

import jax
import numpy as np
import pytest

from affect_jax.data import splits
from affect_jax.data.folds import FoldedCorpus
from affect_jax.datasets import recordings
from affect_jax.training import loop, mesh
from configs import fusion
from tests import small

ACTORS, CLIPS = 10, 6


def corpus(seed=0):
    """60 clips of ten actors, with MFCC of 4 to 9 steps and one vector of action units; random numbers."""
    draw = np.random.default_rng(seed)
    clips = [
        recordings.Recording(
            id=f"a{actor}c{clip}",
            group=f"a{actor}",
            steps=(f"a{actor}c{clip}",),
            features={
                "mfcc": draw.normal(size=(4 + (actor + clip) % 6, 6)).astype(np.float32),
                "action_units": draw.normal(size=(1, 5)).astype(np.float32),
            },
            targets={"emotion": np.array([(actor + clip) % 8], np.float32)},
        )
        for actor in range(ACTORS)
        for clip in range(CLIPS)
    ]

    def of(*actors):
        return tuple(clip.id for clip in clips if clip.group in [f"a{actor}" for actor in actors])

    folds = {f"fold_{k}": recordings.Fold(of(2 * k, 2 * k + 1), of(2 * k - 2, 2 * k - 1)) for k in (1, 4)}
    labels = tuple(f"emotion {n}" for n in range(8))
    made = recordings.Recordings("ravdess", "mfcc+action_units", True, {"train": clips}, {}, folds, "", labels)
    return made._replace(fingerprint=recordings.compute_fingerprint(made))


def config(*studies):
    """Some studies of `all,ravdess`, small, over two folds with three seeds, in two waves."""
    made = fusion.get_config("all,ravdess")
    made.data.steps.mfcc = 8
    made.study.only = studies
    made.study.seeds = 3
    made.engine.trial_batch_gigabytes = 1e-6
    made.model.update(units=4, heads=2, hidden=5)
    for name in studies:
        model = made.studies[name].model
        model.map_steps = tuple(min(steps, 5) for steps in model.map_steps)
    return made


def give_first_weights(model, stages, task, corpus, folds, trials, engine, **_):
    """In place of loop.fit_study."""
    params = loop.init_params(model, mesh.replicate(engine.mesh, FoldedCorpus(corpus, folds)), trials, engine)
    # Large ones, so that answers differ between examples.
    params = jax.tree.map(lambda x: 4 * x, params)
    none = {stage.name: np.zeros(len(trials), np.int32) for stage in stages}
    return loop.Fitted(params, np.zeros(len(trials), np.float32), none, none, np.ones(len(trials), bool), {})


def make(folder, *studies):
    """The finished run folder `folder`. Whoever reads its corpus again must have `splits.load_recordings` give
    `corpus()`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "fit_study", give_first_weights)
        patch.setattr(splits, "load_recordings", lambda _, **__: corpus())
        small.run(config(*studies), folder, config_arg="configs/fusion.py:all,ravdess")
    return folder
