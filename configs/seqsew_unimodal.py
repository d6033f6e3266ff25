"""The unimodal baselines of SeqSEW: classifier, bi-GRU and bi-GRU with transformer encoder (tables 5.4 and 5.5).

    python -m launch.main --config=configs/seqsew_unimodal.py:mosi --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew_unimodal.py:recola,arousal --config.corpus.manual_dir=DIR

Argument: mosi | recola,arousal | recola,valence. The encoder's dropout is searched on validation. The thesis has
accuracy 80.3 / 61.0 / 60.8 for text / audio / video with the whole encoder on CMU-MOSI (majority 62.1).
"""

import ml_collections

from configs import common, seqsew

ARGUMENTS = ("mosi", "recola,arousal", "recola,valence")
ENCODERS = {"classifier": "none", "bigru": "bigru", "bigru+te": "bigru+te"}
VARIANTS = {"classifier": "Classifier", "bigru": "BiGRU+Classifier", "bigru+te": "BiGRU+TE+Classifier"}


def get_config(argument: str = ARGUMENTS[0]) -> ml_collections.ConfigDict:
    """The config of one corpus and target."""
    common.choose("the corpus and target", argument, ARGUMENTS)
    corpus, *target = argument.split(",")
    names = common.MOSI if corpus == "mosi" else common.RECOLA
    shared = seqsew.base(corpus, *target or [""], tuple(names.values()))
    config = dict(
        shared,
        name=f"SeqSEW unimodal {argument}",
        model=dict(
            seqsew.SIZES,
            name="seqsew",
            weaker=next(iter(names.values())),
            stronger=(),
            encoder="bigru+te",
            weaker_gru_layers=1,
            activation="sigmoid" if shared["task"] == "binary" else "tanh",
        ),
        schedule=("fit",),
        stages=dict(
            fit=common.stage(
                ("weaker_encoder", "weaker_classifier"),
                dict(prediction=seqsew.prediction_loss(shared["task"])),
                dropout=0.3,
                **seqsew.fitting(corpus),
            )
        ),
        studies={
            f"{modality}/{encoder}": dict(
                override=dict(
                    model=dict(weaker=modality, encoder=kind, weaker_gru_layers=seqsew.gru_layers(corpus, short)),
                    stages=dict(
                        fit=dict(
                            train=("weaker_classifier",) if kind == "none" else ("weaker_encoder", "weaker_classifier")
                        )
                    ),
                ),
                variants={VARIANTS[encoder]: {}},
            )
            for short, modality in names.items()
            for encoder, kind in ENCODERS.items()
        },
        search=dict(grid=dict(stages=dict(fit=dict(dropout=(0.2, 0.5)))), seeds=1),
    )
    return ml_collections.ConfigDict(config)
