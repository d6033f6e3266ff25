"""ConflictNET's trunk as a classifier of emotions in raw speech, on RAVDESS with its five published actor folds.

    python -m launch.main --config=configs/speech_emotion.py                # a small synthetic corpus
    python -m launch.main --config=configs/speech_emotion.py --config.corpus.manual_dir=RAVDESS_DIR

    python -m launch.main --config=configs/speech_emotion.py:wav2vec2       # a tiny random encoder
    python -m launch.main --config=configs/speech_emotion.py:wav2vec2 --config.corpus.manual_dir=RAVDESS_DIR \
        --config.model.encoder.weights=WEIGHTS_DIR

Argument: emotion (8 classes, the default) | emotion7, or wav2vec2 | wav2vec2,emotion7: a pretrained encoder of speech
instead of the trunk (docs/encoders.md). Each fold's own actors are its test split; two actors of the next
fold choose the stopping epoch.
On the synthetic corpus: 139 s of processor time, about 100 s on two quiet cores; UAR .71, a constant answer .125 (test
splits of two folds).
With `wav2vec2`, which is a tiny encoder of random weights there: 50 s of processor time, UAR .24 (two folds).
The author of the thesis trains the same family on EmoDB (66 to 70 % of 7 classes). A logistic regression on MFCC
statistics has .49 on RAVDESS (`python -m launch.baselines --help`).
"""

from typing import Any

import ml_collections

from configs import base

CLASSES = {"emotion": 8, "emotion7": 7}
FRONT = "wav2vec2"


def get_config(argument: str = "emotion") -> ml_collections.ConfigDict:
    """The config of one set of labels and one network."""
    words = argument.split(",")
    is_pretrained = words[0] == FRONT
    rest = ",".join(words[1:] if is_pretrained else words) or "emotion"
    labels = base.parse_argument(rest, tuple(CLASSES), f"the labels (behind {FRONT}, or alone)")
    config = dict(name=f"Speech emotion {argument}", task="multiclass", corpus=base.ravdess(labels))
    config["data"] = base.data(("speech",), labels, unit="item", eval_size=32, steps=dict(speech=base.left_open(int)))
    config["schedule"] = ("fit",)
    config |= _use_encoder(labels) if is_pretrained else _use_trunk(labels)
    config["study"] = base.trials(seeds=1)
    config["search"] = base.search()
    config["engine"] = base.engine()
    if is_pretrained:
        config["corpus"]["rate"] = 16000  # Hz, which encoders of speech hear
    # Two of the five folds, and few epochs: all of it would take ten minutes on two cores.
    config["synthetic"] = dict(study=dict(folds=("fold_1", "fold_4")), stages=dict(fit=dict(epochs=12)))
    return ml_collections.ConfigDict(config)


def _use_trunk(labels: str) -> dict[str, Any]:
    model = dict(
        name="conflictnet",
        modality="speech",
        classes=CLASSES[labels],
        average_pool=4,
        attention=True,
        global_average=True,
        # Not Keras' .99: running variances start at 1, and where the true ones are near .01 that start still rules
        # after 200 updates (6 epochs): training loss fell to 1.0 while every validation clip got one class.
        momentum=0.9,
    )
    optimizer = base.adam(1e-3, epsilon=1e-7)  # Keras' epsilon, as its author trained it
    stages = dict(fit=_make_stage(optimizer))
    return dict(model=model, stages=stages, studies=dict(trunk=dict(variants={"ConflictNET trunk": {}})))


def _use_encoder(labels: str) -> dict[str, Any]:
    encoder = base.encoder(FRONT, train="adapters", layer="learned")
    model = dict(name="pretrained_speech", modality="speech", classes=CLASSES[labels], encoder=encoder, rate=16000.0)
    model |= dict(pooling="attentive", head_units=0)
    optimizer = base.adamw(1e-3, weight_decay=0.01, schedule="cosine", warmup=0.1) | dict(clip=1.0)
    stages = dict(fit=_make_stage(optimizer, batch=8))
    return dict(model=model, stages=stages, studies=dict(encoder=dict(variants={"encoder": {}})))


def _make_stage(optimizer: dict[str, Any], batch: int = 32) -> dict[str, Any]:
    return base.stage(
        train=("*",),
        losses=dict(prediction=base.loss("cross_entropy", "logits", "target")),
        optimizer=optimizer,
        monitor="uar",
        epochs=40,
        patience=10,
        batch=batch,
    )
