import json

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.evaluation import confusion_counts, read
from affect_jax.evaluation.read import Source
from affect_jax.reports import confusion, figures, render

CONFIG = "configs/fusion.py:trimodal"
INTRA, CROSS = (Source("here", study, study) for study in ("intra", "cross"))


@pytest.fixture
def run(make_fusion_run):
    return read.read_run(make_fusion_run(CONFIG, {"intra": 0.3, "cross": 0.0}, synthetic=True))


def test_every_row_counts_its_own_fold(run):
    confused = confusion_counts.count_answers(run, INTRA)
    # 60 clips, each tested in one fold with three seeds; the classes have 15, 15 and 30 clips.
    assert confused.counts.sum(1).tolist() == [45, 45, 90]
    right = [row.test["accuracy"] for row in run.results.trials if row.study == "intra"]
    assert np.trace(confused.counts) / 180 == pytest.approx(np.mean(right), abs=1e-6)
    wrong = confused.counts - np.diag(np.diagonal(confused.counts))
    assert wrong.sum() == wrong[0, 1] + wrong[1, 2] + wrong[2, 0], "an error answers the next class"
    assert confused.labels == ("happy", "sad", "angry")
    assert confused.trials == "test split, 5 folds, 15 trials"


def test_one_fold(run):
    confused = confusion_counts.count_answers(run, CROSS, "fold_2")
    assert confused.counts.tolist() == [[9, 0, 0], [0, 9, 0], [0, 0, 18]]
    assert confused.trials == "test split, fold fold_2, 3 trials"
    with pytest.raises(UserError, match=r"--fold=fold_9 is no fold of .*there are fold_0, fold_1"):
        confusion_counts.count_answers(run, CROSS, "fold_9")


def test_shares_are_of_the_truth():
    share = confusion_counts.Confusion("", np.array([[3, 1, 0], [0, 0, 0], [2, 0, 2]]), np.zeros(3, int), (), "").shares
    np.testing.assert_allclose(share, [[0.75, 0.25, 0], [0, 0, 0], [0.5, 0, 0.5]])


def test_the_picture_shows_shares_and_names(run):
    counted = [confusion_counts.count_answers(run, source) for source in (INTRA, CROSS)]
    figure = figures.draw_matrices([(one.name, one.shares, one.labels) for one in counted])
    left, right = figure.axes[:2]
    assert [axis.get_title() for axis in (left, right)] == ["intra (synthetic)", "cross (synthetic)"]
    assert [label.get_text() for label in left.get_yticklabels()] == ["happy", "sad", "angry"]
    assert sorted({text.get_text() for text in right.texts}) == ["0", "100"]
    assert (left.get_xlabel(), left.get_ylabel()) == ("answer", "truth")


def test_files(run, tmp_path):
    stem, grid, png = confusion.compare_chosen((INTRA, CROSS), {"here": run})
    assert stem == "confusion_intra_cross"
    assert png.startswith(b"\x89PNG")
    assert png == confusion.compare_chosen((INTRA, CROSS), {"here": run})[2]
    texts = render.write_formats(grid, "python -m x")
    assert "cross (synthetic),happy,45,0,0,45,100.0" in texts["csv"].splitlines()
    assert "| cross (synthetic) | angry | 0 | 0 | 90 | 90 | 100.0 |" in texts["md"]
    assert confusion.compare_chosen((INTRA,), {"here": run}, "fold_1")[0] == "confusion_intra_fold_1"
    assert {path.name for path in render.write_files({stem: texts | {"png": png}}, tmp_path)} == {
        f"confusion_intra_cross.{extension}" for extension in ("md", "csv", "tex", "png")
    }
    assert (tmp_path / "confusion_intra_cross.png").read_bytes() == png


def change(folder, edit):
    path = folder / "results.json"
    results = json.loads(path.read_text())
    edit(results)
    path.write_text(json.dumps(results))


def test_classes_without_names_are_numbered(run):
    change(run.path, lambda results: results["corpus"].pop("labels"))
    assert confusion_counts.count_answers(read.read_run(run.path), INTRA).labels == ("0", "1", "2")


def test_what_cannot_be_drawn(make_fusion_run, make_run, run):
    config = "configs/sew.py:arousal,geo+audio"
    numbers = read.read_run(make_run(config, [("teachers", "SEW")], task="regression", split="validation"))
    with pytest.raises(UserError, match="is of task regression; a confusion matrix needs binary or multiclass"):
        confusion_counts.count_answers(numbers, Source("", "teachers", "SEW"))
    bare = read.read_run(make_fusion_run("configs/fusion.py:all", {"intra": 0.3}, predictions=False))
    with pytest.raises(UserError, match="kept no predictions of intra"):
        confusion_counts.count_answers(bare, INTRA)
    assert confusion_counts.can_count(run, INTRA)
    assert not confusion_counts.can_count(bare, INTRA)
    assert not confusion_counts.can_count(numbers, INTRA)
    assert confusion_counts.count_all([numbers, bare]) == {}


def test_two_classes(make_run):
    run = read.read_run(make_run("configs/seqsew.py:mosi,video+text", [("teachers", "SeqSEW")], error={"SeqSEW": 0.0}))
    confused = confusion_counts.count_answers(run, Source("", "teachers", "SeqSEW"))
    # 48 steps, every third is of class 1; two draws with two seeds.
    assert confused.counts.tolist() == [[128, 0], [0, 64]]
    assert confused.labels == ("0", "1")


def test_labels_that_are_kept_back_are_not_taken_for_truth(run):
    change(run.path, lambda results: [row.update(test=None) for row in results["trials"]])
    assert confusion_counts.count_answers(read.read_run(run.path), INTRA).trials.startswith("validation split")


def whole_table(*runs):
    return confusion.make_whole_table(confusion_counts.count_all(runs), runs)


def test_every_cell_in_one_table(run, make_fusion_run):
    texts = render.write_formats(whole_table(run), "python -m x")
    assert [line.split(",")[0] for line in texts["csv"].splitlines()[1:7]] == ["intra (synthetic)"] * 3 + [
        "cross (synthetic)"
    ] * 3
    other = make_fusion_run("configs/fusion.py:trimodal,ravdess", {"other": 0.3})
    change(other, lambda results: results["corpus"].update(labels=["calm", "sad", "angry"]))
    assert whole_table(run, read.read_run(other)) is None, "classes differ"


def test_two_sets_of_classes_are_not_drawn_together(make_fusion_run, run):
    folder = make_fusion_run("configs/fusion.py:trimodal,ravdess", {"other": 0.3})
    change(folder, lambda results: results["corpus"].update(labels=["calm", "sad", "angry"]))
    with pytest.raises(UserError, match="other answers calm, sad, angry, intra .* answers happy"):
        confusion.compare_chosen((INTRA, Source("x", "other", "other")), {"here": run, "x": read.read_run(folder)})


def test_an_answer_of_nan_is_counted_and_lowers_the_recall(run):
    path = run.path / "predictions.npz"
    with np.load(path) as file:
        arrays = dict(file)
    values = arrays["intra/test/prediction"]
    arrays["intra/test/asked"] = np.isfinite(values).all(-1)
    before = confusion_counts.count_answers(run, INTRA)
    wrong = arrays["intra/test/asked"] & (values.argmax(-1) != arrays["intra/test/target"])
    values[wrong] = np.nan
    np.savez(path, **arrays)
    after = confusion_counts.count_answers(run, INTRA)
    np.testing.assert_allclose(np.diagonal(after.shares), np.diagonal(before.shares))
    assert after.clips.tolist() == before.clips.tolist()
    assert after.unanswered.sum() == wrong.sum() > 0
    assert "none (NaN)" in str(confusion.make_table([after], [run]).header)
