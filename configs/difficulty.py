"""How hard is a frame? The compared rows MTL(RE) and DDAT(RE) of tables 5.3 and 5.7, on each modality alone.

    python -m launch.main --config=configs/difficulty.py:arousal --config.corpus.manual_dir=DIR

Argument: arousal | valence.
An autoencoder's reconstruction error is a feature beside the others; of DDAT(RE) the autoencoder's code has learned
the label, too. Without a corpus it is a synthetic RECOLA. The regressor without the error is configs/sew_unimodal.py.
The thesis quotes CCC .502, .512 (arousal, video) and .519 (valence, audio) for MTL(RE), .544, .539, .508 for DDAT(RE).
"""

import ml_collections

from configs import base

TARGETS = ("arousal", "valence")


def get_config(argument: str = TARGETS[0]) -> ml_collections.ConfigDict:
    """The config of one target."""
    target = base.parse_argument(argument, TARGETS, "the target")
    modalities = tuple(base.RECOLA.values())
    config = dict(name=f"Difficulty {target}", task="regression")
    config["corpus"] = base.recola()
    config["data"] = base.data(modalities, target, unit="frame", eval_size=1024)
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
    config["studies"] = {
        m: dict(
            model=dict(modality=m),
            stages=dict(retrieve=dict(losses=dict(reconstruction=base.mse(f"reconstruction/{m}", f"inputs/{m}")))),
            variants={"MTL(RE)": alone, "DDAT(RE)": {}},
        )
        for m in modalities
    }
    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    config["synthetic"] = dict(stages=dict(retrieve=dict(epochs=10), fit=dict(epochs=10)))
    return ml_collections.ConfigDict(config)
