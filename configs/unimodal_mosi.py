"""CAT-LSTM and MU-SA of one modality, the compared methods of table 5.6, at the sizes of their public code.

    python -m launch.main --config=configs/unimodal_mosi.py --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/unimodal_mosi.py --config.study.only="('audio/mu_sa',)"

An example is a video, a sequence of utterances with a label each. The epoch is chosen on validation videos, while the
public code chooses it on the test videos: `python -m benchmarks.chosen_on_test` is a diagnosis of what that gives.
Thesis, acoustic: accuracy 62.1 and 59.7, its reruns of that code; visual 55.0 and 62.8 (CAT-LSTM, MU-SA).
"""

import ml_collections

from configs import base

MU_SA = dict(
    model=dict(name="mmmu_ba", attention="self", units=300, width=100, per_step=True, dropouts=(0.5, 0.5, 0.7, 0.7)),
    stages=dict(fit=dict(batch=32, epochs=15, patience=10, optimizer=dict(learning_rate=1e-3, weight_decay=0.0))),
)
CAT_LSTM = dict(
    model=dict(
        name="catlstm",
        fusion="concat",
        attention=True,
        units=100,
        widths=(100,),
        activation="tanh",
        per_step=True,
        dropouts=(0.4, 0.2, 0.2),
    ),
    stages=dict(fit=dict(batch=20, epochs=100, patience=0, optimizer=dict(learning_rate=1e-4, weight_decay=1e-5))),
)
METHODS = {"mu_sa": MU_SA, "catlstm": CAT_LSTM}


def get_config() -> ml_collections.ConfigDict:
    """The config of both methods on each modality."""
    modalities = tuple(base.MOSI.values())
    config = dict(name="Unimodal CMU-MOSI", task="multiclass", corpus=base.cmu_mosi())
    config["data"] = base.data(modalities, "binary", unit="recording", eval_size=10)
    config["model"] = dict(MU_SA["model"], modalities=modalities[:1], classes=2)
    config["schedule"] = ("fit",)
    losses = dict(prediction=base.loss("cross_entropy", "logits", "target"))
    fit = dict(optimizer=base.adam(1e-3), monitor="accuracy", epochs=15, patience=10)
    config["stages"] = dict(fit=base.stage(train=("*",), losses=losses, **fit))
    config["studies"] = {
        f"{m}/{name}": dict(
            model=dict(study["model"], modalities=(m,), classes=2), stages=study["stages"], variants={name: {}}
        )
        for m in modalities
        for name, study in METHODS.items()
    }
    config |= dict(study=base.trials(seeds=5, folds=("draw_0", "draw_1", "draw_2")), search=base.search())
    config["engine"] = base.engine()
    config["synthetic"] = dict(study=dict(seeds=2))
    return ml_collections.ConfigDict(config)
