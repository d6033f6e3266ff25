"""Chapter 3: ConflictNET."""

from affect_jax.reports.sources import IS13, RANDOM_SUBSET, pick_classical, pick_conflictnet
from affect_jax.reports.thesis.printed import Column, Row, Table


def _network(label: str, published: tuple, study: str) -> Row:
    return Row(label, published, (pick_conflictnet(study, label),) * 3)


_TABLE_3_1 = Table(
    "3.1",
    "SSPNet Conflict, intensity of conflict from speech",
    "sspnet_conflict",
    "test",
    (Column("PCC", "pcc"), Column("UAR", "uar"), Column("accuracy (the thesis' WAR)", "accuracy")),
    (
        Row(f"{IS13} (Schuller 2013) *", (0.826, 80.8, None), (pick_classical(IS13),) * 3),
        Row(f"{RANDOM_SUBSET} (Räsänen 2013)", (0.826, 81.6, 82.1), (pick_classical(RANDOM_SUBSET),) * 3),
        Row("Random discriminative projection (Kaya 2015) *", (None, 84.6, None)),
        Row("Deep hierarchical neural networks (Brueckner 2015) *", (0.838, 84.3, None)),
        Row("Greedy forward-backward (Gosztolya 2015) *", (0.842, 85.6, None)),
        Row("Ensemble Nyström (Huang 2014) *", (0.849, None, None)),
        Row("Speaker overlap (Grezes 2013)", (None, 83.1, None)),
        Row("Speech interruption (Caraty 2015)", (None, 85.3, None)),
        Row("DNN features (Gosztolya 2017)", (0.856, 84.7, None)),
        _network("End-to-end CNN", (0.779, 79.8, None), "raw_cnn"),
        _network("ParaNET", (0.675, 72.4, 75.3), "paranet"),
        _network("ParaNET+AP", (0.781, 79.9, 81.3), "paranet+ap"),
        _network("ParaNET+Attn", (0.837, 82.2, 83.4), "paranet+attn"),
        _network("ParaNET+AP+Attn+GAP", (0.850, 84.5, 84.8), "paranet+ap+attn+gap"),
        _network("ConflictNET", (0.853, 84.3, 84.3), "conflictnet"),
    ),
)

TABLES = (_TABLE_3_1,)

NOTES = {
    "sspnet_conflict": (
        "Split: test (397 clips of 30 s, 226 low and 171 high). * trained on the validation split as well. UAR and "
        "accuracy after binarising at 0; the thesis first maps predictions to the range of the training labels by the "
        "test predictions' own minimum and maximum (config.data.rescale=authors does it; off here), which leaves PCC "
        "as it is.",
        "The thesis gives a spread for ConflictNET alone: PCC ± .003, UAR ± .43, WAR ± .51 over 10 runs. Chance: PCC "
        "-.008, UAR 50.",
    ),
}
