"""Finished runs of configs/fusion.py on a small synthetic RAVDESS, with first weights instead of trained ones.

A run leaves behind what experiment.run always does; only the fit, most of whose time is compiling, is left out.
"""

import jax
import numpy as np
import pytest

from affect_jax import experiment
from affect_jax.training import mesh, study
from configs import fusion


def config(data_dir, *studies):
    """Some studies of `all,ravdess`, small, over two folds with two seeds."""
    made = fusion.get_config("all,ravdess")
    made.corpus.data_dir = str(data_dir)
    made.corpus.synthetic = dict(actors=5, statements=1, repetitions=1, rate=8000, seed=0)
    made.data.steps.mfcc = 12
    made.study.only = studies
    made.study.folds = ("fold_1", "fold_4")
    made.study.seeds = 2
    made.model.update(units=4, heads=2, hidden=5)
    for name in studies:
        model = made.studies[name].override.model
        model.map_steps = tuple(min(steps, 6) for steps in model.map_steps)
    return made


def _first_weights(model, stages, task, corpus, folds, rows, engine, **_):
    """In place of study.fit."""
    params = study.initial_params(model, mesh.replicate(engine.mesh, (corpus, folds)), rows, engine)
    # Large ones, so that answers differ between examples.
    params = jax.tree.map(lambda x: 4 * x, params)
    none = {stage.name: np.zeros(len(rows), np.int32) for stage in stages}
    return study.Fitted(params, np.zeros(len(rows), np.float32), none, none, np.ones(len(rows), bool))


def make(folder, data_dir, *studies, **changes):
    """The run folder `folder`, finished; `changes` are of config.model."""
    made = config(data_dir, *studies)
    made.model.update(changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "fit", _first_weights)
        experiment.run(made, str(folder), config_arg="configs/fusion.py:all,ravdess")
    return folder
