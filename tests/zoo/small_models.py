"""A tiny model of each file of models/fusion, on the batch of tests/zoo/test_models.py: text, video and audio.

`classes` is 3. A model of another file is one more line; a model that wants aligned steps says so in `ALIGNED`.
"""

from affect_jax.models.fusion import (
    bilinear,
    block,
    catlstm,
    cen,
    centralnet,
    centralnet_pictures,
    early,
    faf,
    gmu,
    graph_mfn,
    late,
    lmf,
    marn,
    mcb,
    mcsan,
    mfas,
    mfm,
    mfn,
    misa,
    mlb,
    mmmu_ba,
    mmtm,
    modality_attention,
    msaf,
    mult,
    mutan,
    raven,
    rmfn,
    self_mm,
    tfn,
    xflow,
)

ALL = ("text", "video", "audio")
PAIR = ALL[:2]  # for models with a part for each pair; where authors read three, tests/zoo/test_proof.py does
MODELS = {
    "bilinear": bilinear.Model(ALL, 3, width=3),
    "faf": faf.Model(ALL, 3, units=2, width=3, filters=4),
    "mcsan": mcsan.Model(ALL, 3, width=4, heads=2, hidden=4),
    "mfas": mfas.Model(ALL, 3, width=4, layers=2, fusions=2, inner=3),
    "xflow": xflow.Model(ALL, 3, widths=(4, 6), crossed=3, hidden=9),
    "catlstm": catlstm.Model(ALL, 3, "attention", attention=True, units=2, fused=4, widths=(3,), per_step=False),
    "block": block.Model(ALL, 3, width=5, chunks=2, rank=2),
    "cen": cen.Model(ALL, 3, width=4, planes=(3,), threshold=0.3),
    "centralnet": centralnet.Model(ALL, 3, width=4),
    "centralnet_pictures": centralnet_pictures.Model(
        PAIR, 3, filters=3, depths=(2, 1), fusions=("1+1", "2+1"), pooled=("text",)
    ),
    "early": early.Model(ALL, 3, branches=(3,), hidden=(4,)),
    "early-gru": early.Model(ALL, 3, summary="gru", units=2, hidden=()),
    "gmu": gmu.Model(ALL, 3, width=3, maxout_layers=1),
    "gmu-two": gmu.Model(PAIR, 3, width=3, maxout_layers=1),
    "graph_mfn": graph_mfn.Model(PAIR, 3, (3, 2), 3, vertex=3, graph=4, proposal=4, gates=(4, 5), head=5),
    "late": late.Model(ALL, 3, hidden=(4,)),
    "late-product": late.Model(ALL, 3, combine="product", hidden=()),
    "late-mixed": late.Model(ALL, 3, combine="multiplicative", mixed=True, hidden=(4,)),
    "lmf": lmf.Model(ALL, 3, hidden=(5, 6, 5), code=2, rank=2),
    "marn": marn.Model(ALL, 3, hidden=(3, 2, 2), attentions=2, attention=6, reduced=8, code=8, head=6),
    "mfm": mfm.Model(PAIR, 3, (3, 2), 3, 4, 4, (4, 5), codes=3, joint_code=5, factors=5, joint_factor=7),
    "mfn": mfn.Model(ALL, 3, hidden=(3, 2, 2), memory=3, attention=4, proposal=4, gates=(4, 5), head=5),
    "mmmu_ba": mmmu_ba.Model(PAIR, 3, units=2, width=3, per_step=False),
    "mmuu_sa": mmmu_ba.Model(PAIR, 3, "modalities", units=2, width=3, per_step=False),
    "mcb": mcb.Model(ALL, 3, width=8),
    "misa": misa.Model(
        PAIR, 3, cell="gru", encoder_units=2, width=4, feed_forward=3, activation="tanh", adversarial=True
    ),
    "mlb": mlb.Model(ALL, 3, width=4, normalize=True),
    "modality_attention": modality_attention.Model(ALL, 3, width=3),
    "mmtm": mmtm.Model(ALL, 3, widths=(6, 5)),
    "raven": raven.Model(ALL, 3, width=3, units=3, hidden=4),
    "msaf": msaf.Model(ALL, 3, widths=(8, 4), block=4, reduction=1),
    "mult": mult.Model(PAIR, 3, width=4, heads=2, layers=1),
    "mutan": mutan.Model(ALL, 3, width=4, rank=2),
    "rmfn": rmfn.Model(ALL, 3, hidden=(3, 2, 2), stages=2, highlight=3, fused=3, code=3, head=5),
    "self_mm": self_mm.Model(ALL, 3, units=3, codes=3, fused=6, own=3),
    "tfn": tfn.Model(ALL, 3, hidden=(5, 6, 5), code=2, post=6),
}
ALIGNED: tuple[str, ...] = (
    "catlstm",
    "cen",
    "faf",
    "graph_mfn",
    "marn",
    "mfm",
    "mfn",
    "mmuu_sa",
    "raven",
    "rmfn",
)
"""Names of models whose modalities share their steps."""
UNUSED: dict[str, tuple[str, ...]] = {
    "raven": ("audio_lstm", "video_lstm"),  # of one sub-step a word, which has no state before it
    "mfm": tuple(f"{m}_{part}" for m in ALL for part in ("lstm", "code", "factor", "decoder", "output")),
    "self_mm": tuple(f"{m}_{part}" for m in ALL for part in ("own", "head")),
}
UNUSED["mfas"] = tuple(f"{m}_head" for m in ALL)  # and the fusions behind the depth that was chosen
_MISA = (*(f"{m}_reconstruct" for m in ALL), "origin", "domain_0", "domain_1")
UNUSED |= dict.fromkeys(("centralnet", "centralnet_pictures"), tuple(f"{m}_head" for m in ALL))
UNUSED |= {"misa": _MISA}
"""Name -> submodules that have no gradient of the logits, by design; they may be more than what is deployed."""
EXACT_WITHOUT_PADDING: tuple[str, ...] = ()
"""Names of models to which padding is zeros that are read, as to their authors."""
