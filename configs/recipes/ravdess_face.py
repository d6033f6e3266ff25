"""Emotions from a face's mean action units, on RAVDESS' actor folds: a small network.

    python -m launch.main --config=configs/recipes/ravdess_face.py             # a small synthetic corpus
    python -m launch.main --config=configs/recipes/ravdess_face.py --config.corpus.manual_dir=RAVDESS_DIR

Argument: recipe (the default) | ablations, which trains the recipe beside itself without each of its ingredients.
35 numbers a clip, one hidden layer. Mixup, dropout, label smoothing, AdamW with one cycle of the learning rate, last
weights: validation chooses nothing, and only watches.
The ablations take two minutes on two cores; the recipe gets 59.5 % (docs/recipes.md).
"""

import ml_collections

from configs import base

CLASSES = 8
ABLATIONS = {
    "recipe": {},
    "- mixup": dict(augment=dict(mixup=0.0)),
    "- dropout": dict(dropout=0.0),
    "- both": dict(augment=dict(mixup=0.0), dropout=0.0),
}
"""Variant -> what it changes in the stage."""
ARGUMENTS = ("recipe", "ablations")


def get_config(argument: str = "recipe") -> ml_collections.ConfigDict:
    """The config, of the recipe alone or with its ablations."""
    base.parse_argument(argument, ARGUMENTS, "what is trained")
    names = tuple(ABLATIONS) if argument == "ablations" else ("recipe",)
    config = dict(
        name="RAVDESS recipe face" + ("" if argument == "recipe" else ", ablations"),
        task="multiclass",
        corpus=base.ravdess("emotion"),
    )
    steps = dict(action_units=base.left_open(int))
    config["data"] = base.data(("action_units",), "emotion", unit="item", eval_size=120, steps=steps)
    model = dict(modalities=("action_units",), classes=CLASSES, summary="mean", hidden=(256,))
    config["model"] = dict(model, name="early")
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=base.loss("cross_entropy", "logits", "target", smoothing=0.1)),
            optimizer=base.adamw(3e-3, weight_decay=0.01, schedule="one_cycle", warmup=0.3),
            monitor="accuracy",
            epochs=30,
            patience=0,
            dropout=0.3,
            keep="last",
            augment=dict(mixup=0.5),
        )
    )
    config["studies"] = dict(face=dict(variants={name: dict(stages=dict(fit=ABLATIONS[name])) for name in names}))
    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    return ml_collections.ConfigDict(config)
