"""How much overlap and anger is in 30 s of speech: the CNN on log-mels, on debates that are mixed from RAVDESS.

    python -m launch.main --config=configs/recipes/debates_speech.py              # clips of a small synthetic RAVDESS
    python -m launch.main --config=configs/recipes/debates_speech.py --config.corpus.manual_dir=RAVDESS_DIR

Real speech with a constructed target, so its figures say nothing about conflict. 64 log-mels of whole clips at 8 kHz
enter `spectrogram_cnn`; SpecAugment; the loss is 1 - CCC; AdamW with one cycle, last weights: validation chooses no
epoch. Of few clips it learns the voices, so there are four times as many as elsewhere. Voices that it has not met move
its numbers, so they are mapped to the labels by a scale and an offset of validation (docs/trust.md). Time and figures:
docs/recipes.md.
"""

import ml_collections

from configs import base


def get_config(argument: str = "log_mel") -> ml_collections.ConfigDict:
    """The config."""
    base.parse_argument(argument, ("log_mel",), "what is read")
    corpus = base.ravdess_debates() | dict(train=640)  # of the same actors; validation and test clips stay as they are
    config = dict(name="RAVDESS debates recipe", task="signed_regression", corpus=corpus)
    steps = dict(log_mel=base.left_open(int))
    config["data"] = base.data(("log_mel",), "planted", unit="item", eval_size=16, steps=steps, rescale="affine")
    config["model"] = dict(name="spectrogram_cnn", modalities=("log_mel",), classes=0)
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=dict(kind="ccc", prediction="prediction", target="target", weight=1.0)),
            optimizer=base.adamw(3e-3, weight_decay=0.01, schedule="one_cycle", warmup=0.3) | dict(clip=1.0),
            monitor="pcc",
            batch=16,
            epochs=10,
            patience=0,
            dropout=0.1,
            keep="last",
            augment=dict(time_width=60.0, band_width=6.0),
        )
    )
    config["studies"] = dict(cnn=dict(variants={"CNN log-mels": {}}))
    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    # Short clips and few epochs: to see that it runs.
    short = dict(train=32, validation=16, test=16, seconds=6)
    config["synthetic"] = dict(corpus=short, study=dict(seeds=1), stages=dict(fit=dict(epochs=6)))
    return ml_collections.ConfigDict(config)
