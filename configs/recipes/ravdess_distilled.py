"""One network that learns what three say together: a recipe of RAVDESS, as teachers and as their student.

    python -m launch.main --config=configs/recipes/ravdess_distilled.py             # a small synthetic corpus
    python -m launch.main --config=configs/recipes/ravdess_distilled.py --config.corpus.manual_dir=RAVDESS_DIR
    python -m launch.main --config=configs/recipes/ravdess_distilled.py:audio --config.corpus.manual_dir=RAVDESS_DIR

Argument: face (the default) | audio | audio+face | taught_audio. Everything is as in ravdess_face.py and
ravdess_audio.py but for the stages: `teachers`, three networks on the labels, and `fit`, the student on their mean
probabilities alone. Of taught_audio one teacher reads sound and face, and the student, who hears the sound alone,
learns from it and from the labels: co-learning. The control is the same student on the labels. Only the student is
deployed. docs/recipes.md has what it gives and how long it took.
"""

from typing import Any

import ml_collections

from configs import base
from configs.recipes.ravdess_audio import CLASSES, READS, SETTINGS

TAUGHT = "taught_audio"
ARGUMENTS = ("face", *READS, TAUGHT)


def get_config(argument: str = "face") -> ml_collections.ConfigDict:
    """The config of one set of modalities."""
    chosen = base.parse_argument(argument, ARGUMENTS, "what is read")
    teachers = tuple(f"teacher_{number}" for number in range(1 if chosen == TAUGHT else 3))
    modalities = ("action_units",) if chosen == "face" else READS["audio+face" if chosen == TAUGHT else chosen]
    corpus = base.ravdess("emotion") | ({} if chosen == "face" else dict(rate=16000))
    config = dict(name=f"RAVDESS distilled {chosen}", task="multiclass", corpus=corpus)
    steps = dict.fromkeys(modalities, base.left_open(int))
    config["data"] = base.data(modalities, "emotion", unit="item", eval_size=32, steps=steps)
    face = dict(name="early", summary="mean", hidden=(256,))
    member = face if chosen == "face" else dict(name="spectrogram_cnn")
    model = dict(name="distilled", member=member, modalities=modalities, classes=CLASSES, teachers=len(teachers))
    config["model"] = model | (dict(heard=READS["audio"]) if chosen == TAUGHT else {})
    taught = {f"taught_{name}": _learn_labels(f"logits/{name}") for name in teachers}
    soft = base.loss("kl", "logits", "logits/teachers", temperature=2.0)
    losses = dict(soft=soft, prediction=_learn_labels("logits") | dict(weight=float(chosen == TAUGHT)))
    config["schedule"] = ("teachers", "fit")
    config["stages"] = dict(
        teachers=_make_stage(chosen.replace(TAUGHT, "audio+face"), teachers, taught, "prediction/teachers"),
        fit=_make_stage(chosen.replace(TAUGHT, "audio"), ("student",), losses, "prediction"),
    )
    control = base.weights("fit", soft=0.0, prediction=1.0)
    config["studies"] = dict(student=dict(variants={"distilled": {}, "control": control}))
    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    if chosen != "face":
        few = dict(epochs=8)
        config["synthetic"] = dict(study=dict(folds=("fold_1", "fold_4"), seeds=1), stages=dict(teachers=few, fit=few))
    return ml_collections.ConfigDict(config)


def _learn_labels(logits: str) -> dict[str, Any]:
    return base.loss("cross_entropy", logits, "target", smoothing=0.1)


def _make_stage(chosen: str, train: tuple[str, ...], losses: dict[str, Any], prediction: str) -> dict[str, Any]:
    """The stage of the recipe, for these networks."""
    if chosen == "face":
        of_recipe = dict(epochs=30, rate=3e-3, dropout=0.3, batch=32, augment=dict(mixup=0.5))
    else:
        of_recipe = dict(SETTINGS[chosen], batch=16)
        of_recipe["augment"] = dict(modalities=("log_mel",), crop=200, **of_recipe.pop("masks"))
    rate = of_recipe.pop("rate")
    return base.stage(
        train=train,
        losses=losses,
        optimizer=base.adamw(rate, weight_decay=0.01, schedule="one_cycle", warmup=0.3),
        monitor="accuracy",
        prediction=prediction,
        patience=0,
        keep="last",
        **of_recipe,
    )
