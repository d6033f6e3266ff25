"""ConflictNET with words: is conflict found that is only heard, and conflict that is only said? (thesis 6.2)

    python -m launch.main --config=configs/conflictnet_words.py                  # planted clips, see below
    python -m launch.prepare --manifest=FILE.csv --features="words=transcript:glove:VECTORS" --features_out=OUT
    python -m launch.main --config=configs/conflictnet_words.py --config.corpus.manifest=OUT/manifest.csv

Studies of models/conflictnet_words.py: speech alone (ConflictNET), words alone, late fusion and cross-attention. In the
planted clips (affect_jax/datasets/spoken_conflict) conflict is heard in one half, and in the other said politely.
FILE.csv has a column of recordings, one of transcripts and a label (docs/own_data.md); OUT/manifest.csv has vectors of
words in its place. Networks are small, for short clips at 8 kHz; those of the thesis are
--config.model.filters=64,128,256 --config.model.lstm_units=128,64.
"""

import ml_collections

from configs import base

# Study -> what the table calls it.
NAMES = {"speech": "speech alone", "words": "words alone", "late": "late fusion", "cross": "cross-attention"}


def get_config() -> ml_collections.ConfigDict:
    """The config; on one's own corpus the files decide modalities, label and classes, unless a flag does."""
    sizes = dict(train=120, validation=40, test=80, seconds=2, seed=0)
    config = dict(name="ConflictNET with words", task="signed_regression")
    config["corpus"] = base.corpus("spoken_conflict", synthetic=sizes)
    config["data"] = base.data(("voice", "words"), "conflict", unit="item", eval_size=40)
    config["model"] = dict(
        name="conflictnet_words",
        modalities=("voice", "words"),
        classes=0,
        fusion="cross",
        filters=(16, 32, 64),
        lstm_units=(32, 32),
        attention_units=16,
        momentum=0.9,
    )
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=base.loss("pcc", "prediction", "target")),  # 1 - PCC
            optimizer=base.adam(0.005, epsilon=1e-7),  # Keras' epsilon
            monitor="pcc",
            epochs=20,
            patience=8,
            batch=12,
        )
    )
    config["studies"] = {name: dict(model=dict(fusion=name), variants={told: {}}) for name, told in NAMES.items()}
    config |= dict(study=base.trials(seeds=3), search=base.search(), engine=base.engine())
    return ml_collections.ConfigDict(config)
