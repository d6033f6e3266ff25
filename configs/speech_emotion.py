"""ConflictNET's trunk as a classifier of emotions in raw speech, on RAVDESS with its five published actor folds.

    python -m launch.main --config=configs/speech_emotion.py                # a small synthetic corpus
    python -m launch.main --config=configs/speech_emotion.py --config.corpus.manual_dir=RAVDESS_DIR

Argument: emotion (8 classes, the default) | emotion7. Each fold's own actors are its test split; two actors of the next
fold choose the stopping epoch.
On the synthetic corpus: 139 s of processor time, about 100 s on two quiet cores; UAR .71, a constant answer .125 (test
splits of two folds).
The author of the thesis trains the same family on EmoDB (66 to 70 % of 7 classes). A logistic regression on MFCC
statistics has .49 on RAVDESS (`python -m launch.baselines --help`).
"""

import ml_collections

from configs import base

CLASSES = {"emotion": 8, "emotion7": 7}


def get_config(argument: str = "emotion") -> ml_collections.ConfigDict:
    """The config of one set of labels."""
    labels = base.parse_argument(argument, tuple(CLASSES), "the labels")
    config = dict(name=f"Speech emotion {labels}", task="multiclass", corpus=base.ravdess(labels))
    config["data"] = base.data(("speech",), labels, unit="item", eval_size=32, steps=dict(speech=base.left_open(int)))
    config["model"] = dict(
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
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=base.loss("cross_entropy", "logits", "target")),
            optimizer=base.adam(1e-3, epsilon=1e-7),  # Keras' epsilon, as its author trained it
            monitor="uar",
            epochs=40,
            patience=10,
        )
    )
    config["studies"] = dict(trunk=dict(variants={"ConflictNET trunk": {}}))
    config["study"] = base.trials(seeds=1)
    config["search"] = base.search()
    config["engine"] = base.engine()
    # Two of the five folds, and few epochs: all of it would take ten minutes on two cores.
    config["synthetic"] = dict(study=dict(folds=("fold_1", "fold_4")), stages=dict(fit=dict(epochs=12)))
    return ml_collections.ConfigDict(config)
