"""The unimodal baselines of SeqSEW: classifier, bi-GRU and bi-GRU with transformer encoder (tables 5.4 and 5.5).

    python -m launch.main --config=configs/seqsew_unimodal.py:mosi --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew_unimodal.py:recola,arousal --config.corpus.manual_dir=DIR

Argument: mosi | recola,arousal | recola,valence. The encoder's dropout is searched on validation.
The thesis has accuracy 80.3 / 61.0 / 60.8 for text / audio / video with the whole encoder on CMU-MOSI (majority 62.1).
"""

import ml_collections

from configs import base, seqsew

ARGUMENTS = ("mosi", "recola,arousal", "recola,valence")
# Study -> (how the model calls its encoder, the variant's name in the thesis' tables).
ENCODERS = {
    "classifier": ("none", "Classifier"),
    "bigru": ("bigru", "BiGRU+Classifier"),
    "bigru+te": ("bigru+te", "BiGRU+TE+Classifier"),
}


def get_config(argument: str = ARGUMENTS[0]) -> ml_collections.ConfigDict:
    """The config of one corpus and target."""
    return ml_collections.ConfigDict(make(argument))


def make(argument: str) -> dict:
    """The config as a dict, which configs/rank.py takes studies from."""
    corpus, *target = base.parse_argument(argument, ARGUMENTS, "the corpus and target").split(",")
    modalities = tuple((base.MOSI if corpus == "mosi" else base.RECOLA).values())
    config = dict(seqsew.begin(corpus, *target, modalities=modalities), name=f"SeqSEW unimodal {argument}")
    binary = config["task"] == "binary"
    config["model"] = dict(
        seqsew.SIZES,
        name="seqsew",
        weaker=modalities[0],
        stronger=(),
        encoder="bigru+te",
        weaker_gru_layers=1,
        activation="sigmoid" if binary else "tanh",
        classes=0,
    )
    config["schedule"] = ("fit",)
    losses = dict(prediction=seqsew.predict(binary))
    config["stages"] = dict(fit=base.stage(train=seqsew.WEAKER, losses=losses, dropout=0.3, **seqsew.fit(corpus)))
    config["studies"] = {
        f"{m}/{study}": dict(
            model=dict(weaker=m, encoder=encoder, weaker_gru_layers=seqsew.count_gru_layers(corpus, m)),
            stages=dict(fit=dict(train=seqsew.WEAKER[1:] if encoder == "none" else seqsew.WEAKER)),
            variants={variant: {}},
        )
        for m in modalities
        for study, (encoder, variant) in ENCODERS.items()
    }
    config["search"] = base.search(dict(stages=dict(fit=dict(dropout=(0.2, 0.5)))))
    config["synthetic"] = dict(
        model=seqsew.SMALL,
        stages=dict(fit=dict(optimizer=dict(learning_rate=3e-3), epochs=30)),
        search=dict(grid=None),
        study=dict(seeds=3),
    )
    return config
