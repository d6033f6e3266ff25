"""Fusion on scenarios in which it is known how much of a label is interaction of its modalities.

    python -m launch.main --config=configs/interactions.py:mixed --workdir=runs/interactions_mixed
    python -m launch.interactions --run=runs/interactions_mixed        # says how much of each model's score is

Argument: the label, additive | pairs | triples | mixed (affect_jax/datasets/interacting): a sum over modalities,
products of two, products of three, or a third of each. `late` averages a network for each modality, so it cannot
multiply; `early` and `tfn` can. docs/interactions.md has the answers. The corpus is synthetic.
"""

import ml_collections

from configs import base

TARGETS = ("additive", "pairs", "triples", "mixed")
MODALITIES = ("first", "second", "third")
WIDTH = 64


def get_config(argument: str = "mixed") -> ml_collections.ConfigDict:
    """The config of one label."""
    target = base.parse_argument(argument, TARGETS, "the label")
    sizes = dict(scenarios=5, train=64, validation=8, test=3, steps=48, columns=4, seed=0)
    corpus = dict(name="interacting", target=target, data_dir=base.left_open(str), synthetic=sizes)
    config = dict(name=f"interactions {target}", task="regression", corpus=corpus)
    config["data"] = base.data(MODALITIES, target, unit="frame", eval_size=256)
    shared = dict(modalities=MODALITIES, classes=0)
    networks = dict(shared, summary="mean", hidden=(WIDTH, WIDTH))
    models = {
        "late": dict(networks, name="late", combine="average"),
        "early": dict(networks, name="early"),
        "tfn": dict(shared, name="tfn", sequences=(), hidden=16, code=16, post=WIDTH),
    }
    config["model"] = models["early"]
    config["schedule"] = ("fit",)
    fit = dict(optimizer=base.adam(3e-3), monitor="ccc", epochs=60, patience=10, batch=64)
    loss = base.mse("prediction", "target")
    config["stages"] = dict(fit=base.stage(train=("*",), losses=dict(prediction=loss), **fit))
    config["studies"] = {name: dict(model=model, variants={name: {}}) for name, model in models.items()}
    config |= dict(study=base.trials(seeds=1), search=base.search(), engine=base.engine())
    return ml_collections.ConfigDict(config)
