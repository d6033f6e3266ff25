import json

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.reports import folders
from affect_jax.reports.sources import seqsew

CONFIG = "configs/seqsew.py:mosi,video+text"
CELLS = [("pair", "SeqSEW")]
SEQSEW = seqsew("mosi,video+text")


def change(folder, edit):
    path = folder / "results.json"
    results = json.loads(path.read_text())
    edit(results)
    path.write_text(json.dumps(results))


def test_a_run_is_read(make_run):
    folder = make_run(CONFIG, CELLS, seeds=3)
    run = folders.find_run(folder.parent, CONFIG)
    assert run.path == folder
    assert run.synthetic is False
    assert folders.figure(run, SEQSEW, "test", "accuracy").n == 6
    assert folders.figure(run, SEQSEW, "validation", "accuracy") is None
    assert folders.figure(run, seqsew("mosi,video+text", "-LFA"), "test", "accuracy") is None
    assert folders.baseline(run, "test", "accuracy") == pytest.approx(2 / 3)
    assert folders.baseline(run, "test", "uar") is None
    assert folders.baseline(run, "validation", "accuracy") is None
    assert set(folders.matched_rows(run, SEQSEW)) == {(f"draw_{d}", s) for d in range(2) for s in range(3)}


def test_a_run_that_is_not_there(tmp_path):
    assert folders.find_run(tmp_path, CONFIG) is None
    with pytest.raises(UserError, match="has no results.json"):
        folders.read_run(tmp_path)


def test_one_row_has_no_deviation(make_run):
    run = folders.read_run(make_run(CONFIG, CELLS, folds=("draw_0",), seeds=1))
    assert folders.figure(run, SEQSEW, "test", "accuracy")[1:] == (None, 1)


@pytest.mark.parametrize("missing", ["trials", "variants", "corpus", "baselines", "config_arg", "task"])
def test_a_missing_key_is_named(make_run, missing):
    folder = make_run(CONFIG, CELLS)
    change(folder, lambda results: results.pop(missing))
    with pytest.raises(UserError, match=rf"results\.json has a top level without '{missing}'.*train it again"):
        folders.read_run(folder)


def spoil_synthetic(results):
    del results["corpus"]["synthetic"]


def spoil_row(results):
    del results["trials"][0]["seed"]


def spoil_scores(results):
    results["trials"][0]["test"] = [0.5]


def spoil_mean(results):
    results["variants"][0]["mean"] = "0.5"


def spoil_count(results):
    del results["variants"][0]["n"]


def spoil_baseline(results):
    results["baselines"]["test"] = 0.5


def spoil_schema(results):
    results["schema"] = 7


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_synthetic, "a corpus without 'synthetic'"),
        (spoil_row, "without 'fold' or 'seed'"),
        (spoil_scores, "'validation' or 'test' is not an object"),
        (spoil_mean, "neither a number nor null"),
        (spoil_count, "a cell without 'n'"),
        (spoil_baseline, "a baseline of test that is float"),
        (spoil_schema, "is of schema 7"),
    ],
)
def test_what_does_not_fit_is_named(make_run, spoil, said):
    folder = make_run(CONFIG, CELLS)
    change(folder, spoil)
    with pytest.raises(UserError, match=said) as error:
        folders.read_run(folder)
    assert str(folder / "results.json") in str(error.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_not_results_at_all(make_run, text):
    folder = make_run(CONFIG, CELLS)
    (folder / "results.json").write_text(text)
    with pytest.raises(UserError, match="results.json"):
        folders.read_run(folder)


def test_a_folder_with_another_run(make_run):
    folder = make_run(CONFIG, CELLS)
    change(folder, lambda results: results.update(config_arg="configs/seqsew.py:mosi,audio+text"))
    with pytest.raises(UserError, match=r"holds a run of configs/seqsew\.py:mosi,audio\+text, not of"):
        folders.find_run(folder.parent, CONFIG)


def test_of_searched_rows_the_selected_one(make_run):
    folder = make_run(CONFIG, CELLS, folds=("draw_0",), seeds=1)

    def search(results):
        row = results["trials"][0]
        results["trials"] = [row | {"hyper": {"lr": lr}} for lr in (0.1, 0.2)]
        chosen = {"study": "pair", "variant": "SeqSEW", "fold": "draw_0", "hyper": {"lr": 0.2}}
        results["selected"] = [chosen]

    change(folder, search)
    assert folders.matched_rows(folders.read_run(folder), SEQSEW) == {("draw_0", 0): 1}
    change(folder, lambda results: results.update(selected=[]))
    with pytest.raises(UserError, match="two rows of pair, SeqSEW with fold draw_0 and seed 0"):
        folders.matched_rows(folders.read_run(folder), SEQSEW)


def test_predictions(make_run):
    folder = make_run(CONFIG, CELLS)
    arrays = folders.read_arrays(folders.read_run(folder))
    kept = folders.predictions(arrays, "pair", "test")
    assert kept.prediction.shape == (4, 48)
    assert folders.predictions(arrays, "pair", "validation") is None
    with pytest.raises(UserError, match="lengths differ"):
        folders.predictions(arrays | {"pair/test/target": np.zeros(3)}, "pair", "test")
    (folder / "predictions.npz").unlink()
    assert folders.read_arrays(folders.read_run(folder)) == {}


def test_pickled_predictions_are_refused(make_run):
    folder = make_run(CONFIG, CELLS)
    np.savez(folder / "predictions.npz", **{"pair/row": np.array([{}], dtype=object)})
    with pytest.raises(UserError, match=r"predictions\.npz cannot be read"):
        folders.read_arrays(folders.read_run(folder))


def test_a_run_is_described(make_run):
    text = folders.describe(folders.read_run(make_run(CONFIG, CELLS, synthetic=True)))
    assert text == (
        "seqsew_mosi_video_text: synthetic corpus cmu_mosi/poria; fingerprint cmu_mosiTrue; alignment dcca; "
        "validation draws draw_0, draw_1; 2 seeds; git 0123456789ab."
    )


def test_rows_that_diverged_are_counted(make_run):
    folder = make_run(CONFIG, CELLS)
    change(folder, lambda results: results["trials"][1].update(finite=False))
    assert "1 of 4 rows met a loss that was not finite." in folders.describe(folders.read_run(folder))


def test_alignments_by_name():
    losses = {"prediction": {"kind": "mse"}, "alignment": {"kind": "dcca"}}
    config = {"stages": {"fit": {"losses": losses}}, "studies": {"pair": {}}}
    assert folders.alignments(config) == ("dcca",)
    other = {"override": {"stages": {"fit": {"losses": {"alignment": {"kind": "barlow"}}}}}}
    assert folders.alignments(config | {"studies": {"pair": {}, "other": other}}) == ("barlow", "dcca")
    # A study that drops the loss has no alignment, though the config's stages name one.
    assert folders.alignments(config | {"studies": {"audio": {"drop": ["stages.fit.losses.alignment"]}}}) == ()


def test_config_json(make_run):
    folder = make_run(CONFIG, CELLS)
    (folder / "config.json").write_text('{"config": {"studies": {}}}')
    assert "alignment" not in folders.describe(folders.read_run(folder))
    (folder / "config.json").write_text("[]")
    with pytest.raises(UserError, match=r"config\.json holds no 'config'"):
        folders.read_run(folder)
    (folder / "config.json").unlink()
    assert "alignment" not in folders.describe(folders.read_run(folder))
