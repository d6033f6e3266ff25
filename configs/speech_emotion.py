"""ConflictNET's trunk as a classifier of emotions in raw speech, on RAVDESS with its five published actor folds.

    python -m launch.main --config=configs/speech_emotion.py                # a small synthetic corpus
    python -m launch.main --config=configs/speech_emotion.py --config.corpus.manual_dir=RAVDESS_DIR

Argument: emotion (8 classes, the default) | emotion7. Each fold's own actors are its test part; two actors of the next
fold choose the stopping epoch. The author of the thesis trains the same family on EmoDB (66 to 70 % of 7 classes).
A logistic regression on MFCC statistics has .47 here (`python -m launch.baselines --help`).
"""

import ml_collections

from configs import common

CLASSES = {"emotion": 8, "emotion7": 7}


def get_config(argument: str = "emotion") -> ml_collections.ConfigDict:
    """The config of one set of labels."""
    common.choose("the labels", argument, tuple(CLASSES))
    config = dict(
        name=f"Speech emotion {argument}",
        task="multiclass",
        corpus=common.ravdess(argument),
        data=dict(common.data(("speech",), argument, "item", eval_size=32), steps=dict(speech=0)),
        study=dict(only=(), folds=(), seeds=1),
        model=dict(
            name="conflictnet",
            modality="speech",
            classes=CLASSES[argument],
            average_pool=4,
            attention=True,
            global_average=True,
            # Not Keras' .99: running variances start at 1, and where the true ones are near .01 that start still rules
            # after 200 updates (6 epochs): training loss fell to 1.0 while every validation clip got one class.
            momentum=0.9,
        ),
        schedule=("fit",),
        stages=dict(
            fit=common.stage(
                ("*",),
                dict(prediction=common.loss("cross_entropy", "logits", "target")),
                optimizer=common.adam(0.001),
                metric="uar",
                epochs=40,
                patience=10,
            )
        ),
        studies=dict(trunk=dict(variants={"ConflictNET trunk": {}})),
        search=dict(grid={}, seeds=1),
        engine=common.engine(),
    )
    return ml_collections.ConfigDict(config)
