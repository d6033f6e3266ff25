"""Attention fusion of text, video and audio for emotions on IEMOCAP (thesis chapter 4, tables 4.1 to 4.5).

    python -m launch.main --config=configs/fusion_iemocap.py:all --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/fusion_iemocap.py:trimodal,emotion4,release --config.corpus.manual_dir=DIR

Argument: a set of studies (configs/fusion_sets.py), emotion7 | emotion6 | emotion4, and `release` for the full release
instead of the features and folds of AMH's authors, which the thesis uses.
All modalities are standardised; the thesis says so of audio alone: `--config.data.standardize=audio`.
Every trial is a fold and a seed: 5 folds x 10 seeds. The thesis has accuracy .642 and UAR .587 with intra, .636 and
.578 with cross on seven classes.
"""

import ml_collections

from configs import base, fusion_sets

MODALITIES = {"T": "text", "V": "video", "A": "audio"}
MAP_STEPS = {"text": 0, "video": 25, "audio": 500}
STEPS = {"text": 128, "video": 32, "audio": 1000}  # to which an utterance is cut or padded
LABELS = ("emotion7", "emotion6", "emotion4")


def get_config(argument: str = "trimodal") -> ml_collections.ConfigDict:
    """The config of one set of studies."""
    chosen, *rest = argument.split(",")
    release = "release" in rest
    labels = base.parse_argument(
        next((word for word in rest if word not in ("release", "")), LABELS[0]), LABELS, "the labels"
    )
    classes = fusion_sets.CLASSES[labels]
    prosody = None if release else "prosody"  # AMH's authors do not ship the recipe of theirs

    config = dict(name=f"Attention fusion {chosen} {labels}", task="multiclass")
    config["corpus"] = base.iemocap(labels, "release" if release else "precomputed")
    modalities = (*MODALITIES.values(), *([prosody] if prosody else []))
    steps = {m: STEPS.get(m, base.left_open(int)) for m in modalities}
    config["data"] = base.data(modalities, labels, unit="item", eval_size=64, steps=steps)
    config["model"] = dict(
        fusion_sets.attention(MODALITIES, MAP_STEPS, "intra"),
        name="attention_fusion",
        classes=classes,
        pairs=(),
        pooling="mean",
        statistical_pooling=True,
        units=60,
        heads=6,
        hidden=60,
        fidelity="thesis",  # or authors
    )
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=base.loss("cross_entropy", "logits", "target")),
            optimizer=base.adam(1e-3),
            monitor="accuracy",
            epochs=100,
            patience=10,
            dropout=0.1,
            plateau=dict(patience=10, metric="log_loss"),
        )
    )
    config["studies"] = fusion_sets.make_studies(
        chosen, MODALITIES, MAP_STEPS, dict(classes=classes, prosody=prosody or ""), moddrop_patience=10
    )
    config["study"] = base.trials(seeds=10)
    config["search"] = base.search()
    config["engine"] = base.engine()
    return ml_collections.ConfigDict(config)
