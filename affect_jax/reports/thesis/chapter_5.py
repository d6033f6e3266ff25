"""Chapter 5: SEW and SeqSEW."""

from affect_jax.reports.sources import (
    ENCODERS,
    PAIRS_SEW,
    VARIANTS_SEQSEW,
    pick_seqsew,
    pick_seqsew_unimodal,
    pick_sew,
    pick_sew_unimodal,
)
from affect_jax.reports.thesis.printed import Column, Row, Swap, Table


def _columns(*labels: str, metric: str = "ccc") -> tuple[Column, ...]:
    return tuple(Column(label, metric) for label in labels)


_AROUSAL_VALENCE = _columns("arousal appearance", "arousal geometric", "valence audio")
_UNIMODAL = (
    pick_seqsew_unimodal("recola,arousal", "app"),
    pick_seqsew_unimodal("recola,arousal", "geo"),
    pick_seqsew_unimodal("recola,valence", "audio"),
)


def _seqsew_recola(label: str, pairs: tuple[str | None, ...], published: dict[str, tuple]) -> tuple[Row, ...]:
    """SeqSEW, its two ablations and our control for the pairs under the columns of table 5.7."""
    return tuple(
        Row(
            label if variant == "SeqSEW" else f"{label} {variant}",
            published.get(variant, (None,) * len(pairs)),  # the control is ours alone
            tuple(None if pair is None else pick_seqsew(f"recola,{pair}", variant) for pair in pairs),
        )
        for variant in VARIANTS_SEQSEW
    )


_TABLE_5_1 = Table(
    "5.1",
    "RECOLA, one modality at a time without context (the regressor of SEW on its own)",
    "recola",
    "validation",
    _columns("audio", "geometric", "appearance"),
    tuple(
        Row(target, cells, tuple(pick_sew_unimodal(target, m) for m in ("audio", "geo", "app")))
        for target, cells in (("arousal", (0.761, 0.482, 0.492)), ("valence", (0.543, 0.643, 0.489)))
    ),
)

_TABLE_5_2 = Table(
    "5.2",
    "RECOLA, SEW and what is left when parts of it are taken away; weaker (+stronger) modality",
    "recola",
    "validation",
    _columns(
        "arousal geometric (+audio)",
        "arousal appearance (+audio)",
        "valence audio (+geometric)",
        "valence appearance (+audio)",
        "valence appearance (+geometric)",
    ),
    tuple(
        Row(variant, cells, tuple(pick_sew(pair, variant) for pair in PAIRS_SEW))
        for variant, cells in (
            ("SEW", (0.565, 0.544, 0.552, 0.554, 0.549)),
            ("-S_D2", (0.532, 0.519, 0.486, 0.539, 0.540)),
            ("-CCA", (0.512, 0.508, 0.496, 0.532, 0.546)),
            ("-S_D1", (0.514, 0.523, 0.556, 0.514, 0.505)),
            ("-(CCA & S_D1)", (0.484, 0.497, 0.545, 0.497, 0.491)),
            ("unimodal weaker", (0.482, 0.492, 0.543, 0.489, 0.489)),
            ("unimodal stronger", (0.761, 0.761, 0.643, 0.543, 0.643)),
        )
    ),
)

_TABLE_5_3 = Table(
    "5.3",
    "RECOLA, SEW beside the literature",
    "recola",
    "validation",
    _columns("arousal geometric", "arousal appearance", "valence audio", "valence appearance"),
    (
        Row("SVR + offset (Valstar 2016)", (0.379, 0.483, 0.455, 0.474)),
        Row("MTL, RE (Han 2017a)", (0.502, 0.512, 0.519, 0.529)),
        Row("MTL, PU (Han 2017b)", (0.508, 0.502, 0.506, 0.468)),
        Row("DDAT, RE (Zhang 2019)", (0.544, 0.539, 0.508, 0.528)),
        Row("DDAT, PU (Zhang 2019)", (0.513, 0.518, 0.498, 0.514)),
        Row("EmoBed (Han 2019)", (0.527, 0.549, 0.521, 0.564)),
        Row("SEW", (0.565, 0.544, 0.552, 0.554), tuple(pick_sew(pair) for pair in PAIRS_SEW[:4])),
    ),
)

_TABLE_5_4 = Table(
    "5.4",
    "CMU-MOSI binary sentiment, one modality at a time",
    "cmu_mosi",
    "test",
    (Column("accuracy", "accuracy"), Column("weighted F1", "weighted_f1")),
    tuple(
        Row(f"{modality}: {variant}", cells, (pick_seqsew_unimodal("mosi", modality, variant),) * 2)
        for modality, figures in (
            ("text", ((74.9, 75.2), (76.7, 77.2), (80.3, 80.1))),
            ("audio", ((54.7, 55.2), (56.6, 56.3), (61.0, 60.0))),
            ("video", ((51.5, 52.2), (59.6, 59.3), (60.8, 59.7))),
        )
        for variant, cells in zip(ENCODERS, figures, strict=True)
    ),
)

_TABLE_5_5 = Table(
    "5.5",
    "RECOLA, one modality at a time with context",
    "recola",
    "validation",
    _columns("audio", "appearance", "geometric"),
    tuple(
        Row(
            f"{target}: {variant}",
            cells,
            tuple(pick_seqsew_unimodal(f"recola,{target}", m, variant) for m in ("audio", "app", "geo")),
        )
        for target, figures in (
            ("arousal", ((0.769, 0.517, 0.470), (0.773, 0.530, 0.488), (0.786, 0.541, 0.536))),
            ("valence", ((0.490, 0.496, 0.560), (0.521, 0.542, 0.594), (0.525, 0.570, 0.601))),
        )
        for variant, cells in zip(ENCODERS, figures, strict=True)
    ),
)

_TABLE_5_6 = Table(
    "5.6",
    "CMU-MOSI binary sentiment, SeqSEW taught by text, beside the literature",
    "cmu_mosi",
    "test",
    (
        Column("video accuracy", "accuracy"),
        Column("video weighted F1", "weighted_f1"),
        Column("audio accuracy", "accuracy"),
        Column("audio weighted F1", "weighted_f1"),
    ),
    (
        Row("CAT-LSTM-Uni (Poria 2017)", (None, 55.5, None, 60.1)),
        Row("CAT-LSTM-Uni, the thesis' rerun", (55.0, 55.6, 62.1, 60.2)),
        Row("MU-SA (Ghosal 2018)", (63.7, None, 62.1, None)),
        Row("MU-SA, the thesis' rerun", (62.8, 61.9, 59.7, 58.4)),
        Row("Seq2SeqSent-Uni (Pham 2018)", (None, 48.0, None, 56.0)),
        Row("HMTL-Uni (Seo 2020)", (62.1, 61.3, 58.2, 58.2)),
        Row(
            "unimodal BiGRU+TE+Classifier",
            (60.8, 59.7, 61.0, 60.0),
            (pick_seqsew_unimodal("mosi", "video"),) * 2 + (pick_seqsew_unimodal("mosi", "audio"),) * 2,
        ),
        Row("Seq2SeqSent (+text) (Pham 2018)", (None, 58.0, None, 56.0)),
        Row("HMTL (+text) (Seo 2020)", (64.8, 61.7, 62.6, 60.8)),
    )
    + tuple(
        Row(
            "SeqSEW (+text)" if variant == "SeqSEW" else f"SeqSEW (+text) {variant}",
            cells,
            (pick_seqsew("mosi,video+text", variant),) * 2 + (pick_seqsew("mosi,audio+text", variant),) * 2,
        )
        for variant, cells in (
            ("SeqSEW", (63.4, 63.9, 64.8, 64.3)),
            ("-LFA", (62.8, 63.3, 63.6, 63.2)),
            ("-Decoder", (63.0, 63.4, 64.1, 63.5)),
            ("-(LFA & Decoder)", (None,) * 4),  # the control, which the thesis does not have
        )
    ),
)

_TABLE_5_7 = Table(
    "5.7",
    "RECOLA, SeqSEW beside SEW and the literature",
    "recola",
    "validation",
    _AROUSAL_VALENCE,
    (
        Row("SVR + offset (Valstar 2016)", (0.379, 0.483, 0.455)),
        Row("MTL, RE (Han 2017a)", (0.502, 0.512, 0.519)),
        Row("MTL, PU (Han 2017b)", (0.508, 0.502, 0.506)),
        Row("DDAT, RE (Zhang 2019)", (0.544, 0.539, 0.508)),
        Row("DDAT, PU (Zhang 2019)", (0.513, 0.518, 0.498)),
        Row("unimodal BiGRU+TE+Classifier", (0.541, 0.536, 0.525), _UNIMODAL),
        Row("EmoBed (+audio) (Han 2019)", (0.527, 0.549, None)),
        Row("EmoBed (+appearance) (Han 2019)", (None, None, 0.514)),
        Row("EmoBed (+geometric) (Han 2019)", (None, None, 0.521)),
        Row("SEW (+audio)", (0.565, 0.544, None), (pick_sew("arousal,app+audio"), pick_sew("arousal,geo+audio"), None)),
        Row("SEW (+geometric)", (None, None, 0.552), (None, None, pick_sew("valence,audio+geo"))),
    )
    + _seqsew_recola(
        "SeqSEW (+audio)",
        ("arousal,app+audio", "arousal,geo+audio", None),
        {"SeqSEW": (0.574, 0.586, None), "-LFA": (0.571, 0.580, None), "-Decoder": (0.561, 0.564, None)},
    )
    + _seqsew_recola(
        "SeqSEW (+appearance)",
        (None, None, "valence,audio+app"),
        {"SeqSEW": (None, None, 0.560), "-LFA": (None, None, 0.538), "-Decoder": (None, None, 0.563)},
    )
    + _seqsew_recola(
        "SeqSEW (+geometric)",
        (None, None, "valence,audio+geo"),
        {"SeqSEW": (None, None, 0.555), "-LFA": (None, None, 0.531), "-Decoder": (None, None, 0.556)},
    ),
    swap=Swap(
        (0, 1),
        (
            "SVR + offset (Valstar 2016)",
            "MTL, RE (Han 2017a)",
            "MTL, PU (Han 2017b)",
            "DDAT, RE (Zhang 2019)",
            "DDAT, PU (Zhang 2019)",
            "EmoBed (+audio) (Han 2019)",
            "SEW (+audio)",
        ),
        "the thesis prints these rows with the heads appearance and geometric exchanged; here they stand under the "
        "right ones. The AVEC 2016 baseline (geometric .379, appearance .483) and tables 5.2 and 5.3 settle it; "
        "the unimodal and SeqSEW rows agree with table 5.5 and the text as printed.",
    ),
)

_TABLE_5_8 = Table(
    "5.8",
    "RECOLA held-out test split, one modality at a time with context (BiGRU+TE+Classifier)",
    "recola",
    "test",
    _columns("audio", "appearance", "geometric"),
    (Row("arousal", (0.647, 0.388, 0.418)), Row("valence", (0.379, 0.460, 0.516))),
    scored_by_owners=True,
)

_TABLE_5_9 = Table(
    "5.9",
    "RECOLA held-out test split, SeqSEW beside the literature",
    "recola",
    "test",
    _AROUSAL_VALENCE,
    (
        Row("SVR + offset (Valstar 2016)", (0.343, 0.272, 0.375)),
        Row("MTL, RE (Han 2017a)", (0.425, 0.324, 0.331)),
        Row("MTL, PU (Han 2017b)", (0.406, 0.327, 0.416)),
        Row("DDAT, RE (Zhang 2019)", (0.437, 0.400, 0.422)),
        Row("DDAT, PU (Zhang 2019)", (0.438, 0.397, 0.407)),
        Row("unimodal BiGRU+TE+Classifier", (0.388, 0.418, 0.379)),
        Row("EmoBed (+audio) (Han 2019)", (0.475, 0.417, None)),
        Row("EmoBed (+appearance) (Han 2019)", (None, None, 0.434)),
        Row("EmoBed (+geometric) (Han 2019)", (None, None, 0.439)),
        Row("SeqSEW (+audio)", (0.434, 0.438, None)),
        Row("SeqSEW (+appearance)", (None, None, 0.465)),
        Row("SeqSEW (+geometric)", (None, None, 0.417)),
    ),
    scored_by_owners=True,
)

TABLES = (
    _TABLE_5_1,
    _TABLE_5_2,
    _TABLE_5_3,
    _TABLE_5_4,
    _TABLE_5_5,
    _TABLE_5_6,
    _TABLE_5_7,
    _TABLE_5_8,
    _TABLE_5_9,
)

NOTES = {
    "cmu_mosi": (
        "Split: test (31 videos, 752 utterances in the public release, of which 467 are of one class: a constant "
        "answer scores 62.1 %, above several of the figures).",
        "Validation trap: in the public release the text and video features were learned from the labels of the "
        "training split, so validation videos drawn from it look far too easy (a linear model reaches .98 on text and "
        ".92 on video inside the training split, .76 and .52 on the test split; audio is clean, .50 and .56). Stopping "
        "and hyper-parameters chosen on them are chosen half blind for text and video.",
        "The thesis does not name its 10 validation videos (296 utterances); ours are seeded draws of that size out of "
        "the public release, kept in the code by the names below.",
    ),
    "recola": (
        "Split: development (9 recordings), called validation in the run folders. The same split chose the stopping "
        "epoch and the hyper-parameters, in the thesis and here, so every figure is optimistic.",
        "CCC is over the concatenated recordings; the mean per recording follows it where a run holds it. "
        "The thesis does not say which of the two it prints.",
    ),
}
