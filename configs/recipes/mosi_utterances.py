"""Sentiment of utterances from text, audio and video, each among the others of its video, on CMU-MOSI.

    python -m launch.main --config=configs/recipes/mosi_utterances.py             # a small synthetic corpus
    python -m launch.main --config=configs/recipes/mosi_utterances.py --config.corpus.manual_dir=MOSI_DIR

Two studies: the text alone, and all modalities, of which training takes some away at random. Each modality has a bi-GRU
over the utterances of a video and a dense layer of 100, as the thesis' text model has; a linear layer reads all codes
side by side, so modalities add up. Adam at 1e-4 for 40 epochs, the mean of all weights from the tenth epoch on.
No test score chose any of it: the public features were learned from the training labels, so validation videos of that
split get 98 to 99 % whatever is done, and set-ups were compared in a rehearsal of that trap inside the training split
(`python -m benchmarks.mosi_rehearsal`; docs/recipes.md, which has times and figures).
"""

import ml_collections

from configs import base

MODALITIES = tuple(base.MOSI.values())


def get_config(argument: str = "+".join(MODALITIES)) -> ml_collections.ConfigDict:
    """The config of both studies."""
    base.parse_argument(argument, ("+".join(MODALITIES),), "what is read")
    config = dict(name="CMU-MOSI recipe", task="multiclass", corpus=base.cmu_mosi())
    config["data"] = base.data(MODALITIES, "binary", unit="recording", eval_size=31)
    network = dict(name="mmmu_ba", attention="none", units=100, width=100, per_step=True, dropouts=())
    config["model"] = dict(network, modalities=MODALITIES, classes=2)
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=base.loss("cross_entropy", "logits", "target")),
            optimizer=base.adam(1e-4),
            monitor="accuracy",
            batch=32,
            epochs=40,
            patience=0,
            dropout=0.3,
            keep="swa",
            augment=dict(modality_dropout=0.3),
        )
        | dict(average_start=10)
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
    # Few videos have few updates: synthetic ones are learned in as many at a higher rate.
    config["synthetic"] = dict(study=dict(seeds=2), stages=dict(fit=dict(optimizer=dict(learning_rate=1e-3))))
    return ml_collections.ConfigDict(config)
