"""Compared methods of table 3.1 on frames of sound: overlap that a BLSTM hears, and an encoder-decoder with attention.

    python -m launch.main --config=configs/conflict_frames.py                       # SSPNet Conflict's synthetic twin
    python -m launch.main --config=configs/conflict_frames.py:overlap,ravdess_debates --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/conflict_frames.py:attention,sspnet_conflict --config.corpus.manual_dir=DIR

Argument: overlap | attention, then a corpus, sspnet_conflict (the default) | ravdess_debates.

    overlap    a BLSTM learns from turns who speaks when, and says how much of the speech overlaps. `ratio` is a line on
               that ratio, `hierarchical` a small network on it and on the frames' means and deviations
    attention  an LSTM encoder-decoder with attention, which needs no turns

The turns are SSPNet's manualdiarization/, or those by which the debates were mixed; predicting reads none.
--config.data.target=overlap asks for the ratio itself, which the turns know: how well is overlap heard?
`ravdess_debates` is real speech with a constructed target: its figures say nothing about conflict.
The thesis quotes UAR 83.1 for speaker overlap and PCC .838 for deep hierarchical networks (test split of SSPNet's).
"""

from typing import Any

import ml_collections

from configs import base

CORPORA = ("sspnet_conflict", "ravdess_debates")
METHODS = ("overlap", "attention")


def get_config(argument: str = METHODS[0]) -> ml_collections.ConfigDict:
    """The config of one method on one corpus."""
    method, _, corpus = argument.partition(",")
    base.parse_argument(method, METHODS, "the method")
    corpus = base.parse_argument(corpus or CORPORA[0], CORPORA, "the corpus")
    debates, heard = corpus == "ravdess_debates", "log_mel"
    modalities = (heard, "turns") if method == "overlap" else (heard,)

    config = dict(name=f"Conflict frames {argument}", task="signed_regression")
    config["corpus"] = (base.ravdess_debates() if debates else base.sspnet_conflict()) | dict(modalities=modalities)
    steps = {m: base.left_open(int) for m in modalities}
    target = "planted" if debates else "conflict"
    # Turns are shares, in [0, 1], and stay what they are.
    config["data"] = base.data(modalities, target, unit="item", eval_size=8, steps=steps, standardize=(heard,))
    config |= _learn_overlap(heard) if method == "overlap" else _learn_attention(heard)
    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    # Clips of 6 s, and few: to see that it runs.
    sizes = dict(corpus=dict(train=48, validation=16, test=16, seconds=6)) if debates else {}
    config["synthetic"] = dict(sizes, study=dict(seeds=2))
    return ml_collections.ConfigDict(config)


def _learn_overlap(modality: str) -> dict[str, Any]:
    """First the BLSTM by the turns, then what reads it."""
    listen = base.stage(
        train=("blstm", "turns"),
        losses=dict(turns=base.mse("turns", "inputs/turns")),
        optimizer=base.adam(1e-2) | dict(clip=1.0),
        monitor="pcc",
        batch=16,
        epochs=30,
        patience=0,
        prediction="ratio",
        keep="last",  # what would stop it is a score of conflict, which it does not learn
    )
    prediction = dict(prediction=base.mse("prediction", "target"))
    # CCC, as no line on the ratio changes its correlation: PCC would choose the first epoch.
    optimizer = base.adam(2e-2)
    fit = base.stage(
        train=("head",), losses=prediction, optimizer=optimizer, monitor="ccc", batch=16, epochs=60, patience=20
    )
    model = dict(name="overlap_blstm", modality=modality, classes=0, pool=4, units=32, hidden=())
    deep = dict(train=("hidden", "head"), optimizer=dict(learning_rate=3e-3), dropout=0.2)
    studies = dict(
        ratio=dict(variants={"overlap ratio": {}}),
        hierarchical=dict(model=dict(hidden=(32,)), stages=dict(fit=deep), variants={"overlap ratio and frames": {}}),
    )
    return dict(model=model, stages=dict(listen=listen, fit=fit), schedule=("listen", "fit"), studies=studies)


def _learn_attention(modality: str) -> dict[str, Any]:
    """One network, one stage."""
    fit = base.stage(
        train=("*",),
        losses=dict(prediction=base.loss("pcc", "prediction", "target")),  # 1 - PCC
        optimizer=base.adam(3e-3) | dict(clip=1.0),
        monitor="pcc",
        epochs=60,
        patience=15,
        batch=16,
        dropout=0.2,
    )
    model = dict(name="encoder_decoder", modality=modality, classes=0, pool=4, units=64, steps=3)
    studies = dict(attention=dict(variants={"encoder-decoder": {}}))
    return dict(model=model, stages=dict(fit=fit), schedule=("fit",), studies=studies)
