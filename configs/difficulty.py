"""How hard is a frame? The compared rows MTL and DDAT, (RE) and (PU), of tables 5.3 and 5.7, on each modality alone.

    python -m launch.main --config=configs/difficulty.py:arousal --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/difficulty.py:arousal,raters --config.corpus.manual_dir=DIR

Argument: arousal | valence, alone (RE), or with `raters` (PU), which reads the ratings of single raters, too.
An autoencoder's reconstruction error is a feature beside the others; of DDAT(RE) the autoencoder's code has learned
the label, too. Of (PU) the difficulty is how much raters disagree: MTL(PU) learns it beside the label, DDAT(PU) is told
what a first stage makes of it. No rating is needed to predict. Without a corpus it is a synthetic RECOLA. The
regressor without any of it is configs/sew_unimodal.py.
The thesis quotes CCC .502, .512 (arousal, video) and .519 (valence, audio) for MTL(RE), .544, .539, .508 for DDAT(RE).
"""

from collections.abc import Sequence
from typing import Any

import ml_collections

from configs import base

TARGETS = ("arousal", "valence")


def get_config(argument: str = TARGETS[0]) -> ml_collections.ConfigDict:
    """The config of one target."""
    target, _, raters = argument.partition(",")
    base.parse_argument(target, TARGETS, "the target (with ',raters' behind it, or alone)")
    if raters:
        base.parse_argument(raters, ("raters",), "behind the target")
    modalities = tuple(base.RECOLA.values())
    config = dict(name=f"Difficulty {argument}", task="regression")
    config["corpus"] = base.recola() | dict(raters=bool(raters))
    rated = ("disagreement",) if raters else ()
    config["data"] = base.data((*modalities, *rated), target, unit="frame", eval_size=1024)
    config["model"] = dict(name="difficulty", modality=modalities[0], classes=0, widths=(64, 16), units=120)
    config["schedule"] = ("retrieve", "fit")
    shared = dict(optimizer=base.adam(1e-3), monitor="ccc", epochs=50, patience=10)
    retrieve = dict(
        reconstruction=base.mse(f"reconstruction/{modalities[0]}", f"inputs/{modalities[0]}"),
        first=base.mse("prediction/first", "target"),
    )
    prediction = dict(prediction=base.mse("prediction", "target"))
    stages = dict(
        retrieve=base.stage(train=("autoencoder", "first"), losses=retrieve, keep="last", **shared),
        fit=base.stage(train=("network", "head"), losses=prediction, **shared),
    )
    stages["retrieve"]["patience"] = 0  # what stops it would be a score of the untrained network
    config["stages"] = stages
    alone = base.weights("retrieve", first=0.0)
    config["studies"] = (
        _list_rated(modalities)
        if raters
        else {
            m: dict(
                model=dict(modality=m),
                stages=dict(retrieve=dict(losses=dict(reconstruction=base.mse(f"reconstruction/{m}", f"inputs/{m}")))),
                variants={"MTL(RE)": alone, "DDAT(RE)": {}},
            )
            for m in modalities
        }
    )
    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    config["synthetic"] = dict(stages=dict(retrieve=dict(epochs=10), fit=dict(epochs=10)))
    return ml_collections.ConfigDict(config)


def _list_rated(modalities: Sequence[str]) -> dict[str, Any]:
    """The studies of raters' disagreement: MTL(PU), of one stage, and DDAT(PU), of two, of each modality."""
    spread = dict(spread=base.mse("disagreement", "inputs/disagreement"))
    retrieve = dict(train=("encoder", "spread", "first"), losses=dict(spread, reconstruction=None))
    both = dict(train=("network", "head", "spread"), losses=spread)
    return {
        f"{m}/{name}": study
        for m in modalities
        for name, study in {
            "shared": dict(
                model=dict(modality=m, measure="shared"),
                schedule=("fit",),
                stages=dict(retrieve=None, fit=both),
                variants={"MTL(PU)": {}},
            ),
            "predicted": dict(
                model=dict(modality=m, measure="predicted"),
                stages=dict(retrieve=retrieve),
                variants={"DDAT(PU)": {}},
            ),
        }.items()
    }
