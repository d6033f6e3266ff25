"""Tables and figures of a made-up missing.json."""

import itertools

import pytest

from affect_jax.reports import missing, render
from affect_jax.reports.thesis import NAMES, NAMING, TABLE_4_4

COUNTS = (5, 10)
IMPUTATIONS = ("zeros", "mean", *(f"knn {k} {metric}" for metric in ("euclidean", "cosine") for k in COUNTS))


def figure(mean, n=4):
    return {"values": [mean] * n, "mean": mean, "std": 0.02, "n": n}


def study(attention="intra", letters="TVA", moddrop=(), level=0.5, **model):
    """The entry of a study whose scores are `level` and a hundredth more for each modality and imputation."""
    masks = {}
    # Sorted, as a file has them.
    for mask in sorted(
        "+".join(some) for n in range(1, len(letters) + 1) for some in itertools.combinations(letters, n)
    ):
        present = mask.split("+")
        scores = {}
        for number, name in enumerate(IMPUTATIONS):
            mean = round(level + 0.01 * len(present) + 0.001 * number, 4)
            scores[name] = {"accuracy": figure(mean), "uar": figure(mean - 0.1)}
        masks[mask] = {"present": present, "scores": scores}
        if attention == "cross" and len(present) == 1:
            masks[mask] |= {"reason": "no vector is known"}
            scores |= dict.fromkeys(IMPUTATIONS[2:])
    return {
        "attention": attention,
        "model": {"name": "attention_fusion", **model},
        "modalities": list(letters),
        "letters": list(letters),
        "moddrop": list(moddrop),
        "vectors": [],
        "trials": [{"fold": f"fold_{n // 2}", "seed": n % 2} for n in range(4)],
        "masks": masks,
        "orig": {},
    }


def document(synthetic=False, name="iemocap", classes=7, **studies):
    return {
        "run": "fusion",
        "corpus": {"name": name, "form": "full", "synthetic": synthetic, "fingerprint": "x"},
        "classes": classes,
        "majority": {"accuracy": 0.25, "uar": round(1 / classes, 3)},
        "made_of": {"counts": list(COUNTS), "metrics": ["euclidean", "cosine"]},
        "studies": {key.replace("_", "+"): value for key, value in studies.items()},
    }


@pytest.fixture
def both():
    tested = document(intra=study(), intra_moddrop=study(moddrop=["x"], level=0.6), cross=study("cross"))
    origin = {"study": "intra T", "run": "modalities", "accuracy": figure(0.55), "uar": figure(0.45)}
    tested["studies"]["intra"]["orig"] = {"T": origin}
    return tested


def cells(grid, model, signs):
    """The cells of a line as (group, column) -> text."""
    (row,) = (row for row in grid.rows if row[0] == model and "".join(row[1:4]) == signs)
    return dict(zip(grid.header, row, strict=True))


def test_every_mask_has_a_line_few_modalities_first(both):
    grid = missing.make_zeros_table(both)
    mine = ["".join(row[1:4]) for row in grid.rows if row[0] == "intra"]
    assert mine == ["●○○", "○●○", "○○●", "●●○", "●○●", "○●●", "●●●"]
    assert len(grid.rows) == 3 * 7 + 1


def test_a_model_of_the_present_modalities_stands_beside(both):
    grid = missing.make_zeros_table(both)
    alone = cells(grid, "intra", "●○○")
    assert alone["zeros", NAMES["accuracy"]] == "0.510 ± 0.020"
    assert alone["orig", NAMES["uar"]] == "0.450 ± 0.020"
    assert cells(grid, "intra", "○●○")["orig", NAMES["uar"]] == "not run"
    assert cells(grid, "intra", "●●●")["orig", NAMES["uar"]] == ""
    assert cells(grid, "cross", "●○○")["orig", NAMES["uar"]] == "n.a."
    assert "orig from run modalities: intra T." in grid.notes
    assert any(note.startswith("Not run: cross T+A, cross T+V") for note in grid.notes)


def test_only_the_real_corpus_has_the_thesis_beside_it(both):
    uar, _ = TABLE_4_4["intra"]["T"]
    line = cells(missing.make_zeros_table(both), "intra", "●○○")
    assert line["thesis: zeros", NAMES["uar"]] == f"{uar.mean:.3f} ± {uar.std:.3f}"
    assert line["thesis: orig", NAMES["accuracy"]] == "0.535 ± 0.016"
    assert cells(missing.make_zeros_table(both), "cross", "●○○")["thesis: orig", NAMES["uar"]] == "n.a."
    assert cells(missing.make_zeros_table(both), "cross", "●●○")["thesis: orig", NAMES["uar"]] == "0.567 ± 0.022"
    assert cells(missing.make_zeros_table(both), "intra+moddrop", "●○○")["thesis: zeros", NAMES["uar"]] == ""
    for other in (document(synthetic=True, intra=study()), document(name="ravdess", intra=study())):
        assert not [group for group, _ in missing.make_zeros_table(other).header if "thesis" in group]
    assert not missing.is_like_thesis(document(classes=4, intra=study()))


def test_every_line_of_a_synthetic_corpus_says_so():
    tested = document(synthetic=True, intra=study())
    for grid in (missing.make_zeros_table(tested), missing.make_matrix(tested, "uar")):
        assert all(row[0].endswith("(synthetic)") for row in grid.rows)
        assert "synthetic corpus" in grid.title


def test_the_majority_class_and_the_names_are_in_every_table(both):
    for metric in missing.METRICS:
        grid = missing.make_matrix(both, metric)
        assert grid.rows[-1][:5] == ("majority class", "", "", "", f"{both['majority'][metric]:.3f}")
        assert NAMING in grid.notes
        assert "chance 1/7 = 0.143" in grid.notes[0]
    assert NAMING in missing.make_zeros_table(both).notes


def test_every_imputation_has_a_column(both):
    grid = missing.make_matrix(both, "accuracy")
    assert [head for head in grid.header if head[0] in ("Euclidean", "Cosine")] == [
        (distance, f"K={k}") for distance in ("Euclidean", "Cosine") for k in COUNTS
    ]
    assert cells(grid, "intra", "●○○")["Cosine", "K=10"] == "0.515 ± 0.020"
    assert cells(grid, "cross", "○○●")["Cosine", "K=10"] == "n.a."
    assert "n.a.: no vector is known; or there is no such model." in grid.notes


def test_fewer_modalities_than_others_leave_a_dash(both):
    both["studies"]["T2V"] = study("cross", "TV", pairs=["text->video"]) | {"orig": None}
    grid = missing.make_zeros_table(both)
    assert cells(grid, "T2V", "●○–")["orig", NAMES["uar"]] == ""


def test_all_formats_are_rendered(both):
    grids = missing.make_tables(both)
    assert set(grids) == {"missing_zeros", "missing_uar", "missing_accuracy"}
    for texts in map(render.write_formats, grids.values()):
        assert set(texts) == {"md", "csv", "tex"}
        assert r"$\bullet$" in texts["tex"]
        assert "●" not in texts["tex"]


def test_figures_show_what_the_studies_allow(both):
    series = missing.list_series(both, "intra", COUNTS, "euclidean")
    names = list(series)
    assert names[1:] == ["trained on all, zeros (MTUT, MTBT)", "KNN K=5", "KNN K=10", "Moddrop"]
    assert names[0].startswith("trained on just these")
    upper = missing.draw_series(both, series, "").axes[0]
    styles = {(drawn.lines[0].get_color(), drawn.lines[0].get_marker()) for drawn in upper.containers}
    assert len(styles) == len(series), "nothing is told by colour alone"
    assert list(series["trained on all, zeros (MTUT, MTBT)"]) == ["T", "V", "A", "T+V", "T+A", "V+A", "T+V+A"]
    crossed = missing.list_series(both, "cross", COUNTS, "euclidean")
    assert list(crossed) == ["trained on all, zeros (MTUT, MTBT)", "KNN K=5", "KNN K=10"]
    assert list(crossed["KNN K=5"]) == ["T+V", "T+A", "V+A", "T+V+A"]
    assert missing.list_series(both, "cross+intra", COUNTS, "euclidean") == {}


def test_ablations_are_in_no_figure():
    tested = document(nosp=study(statistical_pooling=False))
    assert missing.list_series(tested, "intra", ()) == {}


def test_figures_are_written_and_say_where_they_come_from(both, tmp_path):
    del both["studies"]["cross"]
    paths = missing.write_figures(both, tmp_path, ("svg",))
    assert [path.name for path in paths] == ["moddrop_intra.svg", "knn_intra.svg"]
    drawn = missing.draw_series(both, missing.list_series(both, "intra", ()), "synthetic iemocap")
    upper, lower = drawn.axes
    assert upper.get_title() == "synthetic iemocap"
    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["T", "V", "A", "T+V", "T+A", "V+A", "T+V+A"]
    original, *_ = upper.containers
    assert [float(y) for y in original.lines[0].get_ydata()] == [0.45]


def test_a_score_that_is_not_finite_is_said_in_tables_and_left_out_of_figures(both, tmp_path):
    scores = both["studies"]["intra"]["masks"]["T+V"]["scores"]
    scores["zeros"] = {name: {"values": [None, 0.5], "mean": None, "std": None, "n": 1} for name in ("accuracy", "uar")}
    assert "not finite" in render.write_plain(missing.make_zeros_table(both))
    series = missing.list_series(both, "intra", COUNTS, "euclidean")
    assert "T+V" not in series["trained on all, zeros (MTUT, MTBT)"]
    assert "T+A" in series["trained on all, zeros (MTUT, MTBT)"]
    missing.draw_series(both, series, "a title")


def test_modalities_that_test_examples_lack_are_told(both):
    assert "without V" not in render.write_plain(missing.make_zeros_table(both))
    both["studies"]["intra"]["lacking"] = {"V": 3}
    assert "3 test examples without V" in " ".join(missing.make_zeros_table(both).notes)
