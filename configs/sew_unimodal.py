"""SEW's regressor on each modality alone (thesis 5.3.2; one line of table 5.1): which modality is the stronger one?

    python -m launch.main --config=configs/sew_unimodal.py:arousal --config.corpus.manual_dir=DIR

Argument: arousal | valence.
On the synthetic corpus: 25 s on two cores; audio .75, appearance .60, geometric .54 (CCC, validation split).
The thesis has CCC .761 / .482 / .492 for audio / geometric / appearance on arousal and .543 / .643 / .489 on valence
(development split of the real RECOLA).
"""

import ml_collections

from configs import base

TARGETS = ("arousal", "valence")


def get_config(argument: str = TARGETS[0]) -> ml_collections.ConfigDict:
    """The config of one target."""
    target = base.parse_argument(argument, TARGETS, "the target")
    modalities = tuple(base.RECOLA.values())
    config = dict(name=f"SEW unimodal {target}", task="regression")
    config["corpus"] = base.recola()
    config["data"] = base.data(modalities, target, unit="frame", eval_size=1024)
    config["model"] = dict(name="sew", weaker="audio", stronger=(), regressor_width=120, regressor_layers=4, classes=0)
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("regressor",),
            losses=dict(prediction=base.mse("prediction", "target")),
            optimizer=base.sgd(learning_rate=1e-3, momentum=0.7, weight_decay=1e-4),
            monitor="ccc",
            epochs=50,
            patience=10,
        )
    )
    config["studies"] = {m: dict(model=dict(weaker=m), variants={"regressor": {}}) for m in modalities}
    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    config["synthetic"] = dict(stages=dict(fit=dict(optimizer=dict(learning_rate=0.02), epochs=15)))
    return ml_collections.ConfigDict(config)
