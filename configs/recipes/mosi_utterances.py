"""Sentiment of utterances from text, audio and video, each among the others of its video, on CMU-MOSI.

    python -m launch.main --config=configs/recipes/mosi_utterances.py             # a small synthetic corpus
    python -m launch.main --config=configs/recipes/mosi_utterances.py --config.corpus.manual_dir=MOSI_DIR

Two studies of one network, a bi-GRU over the utterances of a video: all modalities, of which training takes some away
at random, and the text alone. AdamW with one cycle of the learning rate, label smoothing, last weights.
Nothing was chosen by a score: the public features were learned from the training labels, so validation videos drawn
from that split get 98 to 99 % whatever is done (docs/recipes.md, which has times and figures).
"""

import ml_collections

from configs import base

MODALITIES = tuple(base.MOSI.values())


def get_config(argument: str = "+".join(MODALITIES)) -> ml_collections.ConfigDict:
    """The config of both studies."""
    base.parse_argument(argument, ("+".join(MODALITIES),), "what is read")
    config = dict(name="CMU-MOSI recipe", task="multiclass", corpus=base.cmu_mosi())
    config["data"] = base.data(MODALITIES, "binary", unit="recording", eval_size=31)
    network = dict(fusion="concat", attention=False, units=64, widths=(64,), activation="relu", per_step=True)
    config["model"] = dict(network, name="catlstm", modalities=MODALITIES, classes=2, dropouts=())
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=base.loss("cross_entropy", "logits", "target", smoothing=0.1)),
            optimizer=base.adamw(2e-3, weight_decay=0.05, schedule="one_cycle", warmup=0.3),
            monitor="accuracy",
            batch=8,
            epochs=12,
            patience=0,
            dropout=0.5,
            keep="last",
            augment=dict(modality_dropout=0.3),
        )
    )
    config["studies"] = dict(
        fused=dict(variants={"text+audio+video": {}}),
        text=dict(
            model=dict(modalities=("text",)),
            variants={"text": dict(stages=dict(fit=dict(augment=dict(modality_dropout=0.0))))},
        ),
    )
    config["study"] = base.trials(seeds=10, folds=("draw_0", "draw_1", "draw_2"))
    config["search"] = base.search()
    config["engine"] = base.engine()
    config["synthetic"] = dict(study=dict(seeds=2))
    return ml_collections.ConfigDict(config)
