"""What was compared in the rehearsal of CMU-MOSI (`benchmarks.mosi_rehearsal`): models of text, docs/recipes.md.

python -m launch.main --config=benchmarks/mosi_rehearsal_config.py --config.corpus.manual_dir=REHEARSAL
"""

import ml_collections

from configs import base, seqsew
from configs.recipes import mosi_utterances

NOISES = (30, 0, -6)
"""Decibels from the noise on the features to these; 30 is next to none."""


def get_config() -> ml_collections.ConfigDict:
    """The thesis' text model with the best epoch of validation and with averaged weights, and the recipe's."""
    config = mosi_utterances.get_config().copy_and_resolve_references().to_dict()
    config |= dict(name="CMU-MOSI rehearsal", corpus=base.cmu_mosi(), search=base.search(), engine=base.engine())
    config["data"] = base.data(("text",), "binary", unit="recording", eval_size=31)
    thesis = dict(seqsew.SIZES, name="seqsew", weaker="text", encoder="bigru", weaker_gru_layers=1)
    thesis |= dict(activation="linear", classes=2)
    config["model"] |= dict(modalities=("text",))
    best = dict(keep="best", patience=10, augment=dict(modality_dropout=0.0))
    averaged = dict(augment=dict(modality_dropout=0.0, noise=0.0))
    noises = {f"{noise} dB": dict(stages=dict(fit=dict(augment=dict(noise=float(noise))))) for noise in NOISES}
    config["studies"] = dict(
        thesis=dict(model=thesis, stages=dict(fit=best), variants={"thesis": {}}),
        averaged=dict(
            model=thesis, stages=dict(fit=averaged), variants={f"averaged, {n}": v for n, v in noises.items()}
        ),
        recipe=dict(stages=dict(fit=averaged), variants={f"recipe, {n}": v for n, v in noises.items()}),
    )
    config["study"] = base.trials(seeds=1, folds=("draw_0", "draw_1", "draw_2"))
    del config["synthetic"]
    return ml_collections.ConfigDict(config)
