import json

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.evaluation import read
from affect_jax.evaluation.read import Source
from affect_jax.reports import naming

CONFIG = "configs/seqsew.py:mosi,video+text"
VARIANTS = [("teachers", "SeqSEW")]
SEQSEW = Source(CONFIG, "teachers", "SeqSEW")


def change(folder, edit):
    path = folder / "results.json"
    results = json.loads(path.read_text())
    edit(results)
    path.write_text(json.dumps(results))


def test_a_run_is_read(make_run):
    folder = make_run(CONFIG, VARIANTS, seeds=3)
    run = read.find_run(folder.parent, CONFIG)
    assert run.path == folder
    assert run.synthetic is False
    assert read.find_figure(run, SEQSEW, "test", "accuracy").n == 6
    assert read.find_figure(run, SEQSEW, "validation", "accuracy") is None
    assert read.find_figure(run, SEQSEW._replace(variant="-LFA"), "test", "accuracy") is None
    assert read.find_baseline(run, "test", "accuracy") == pytest.approx(2 / 3)
    assert read.find_baseline(run, "test", "uar") is None
    assert read.find_baseline(run, "validation", "accuracy") is None
    assert set(read.match_trials(run, SEQSEW)) == {(f"draw_{d}", s) for d in range(2) for s in range(3)}


def test_a_run_that_is_not_there(tmp_path):
    assert read.find_run(tmp_path, CONFIG) is None
    with pytest.raises(UserError, match="has no results.json"):
        read.read_run(tmp_path)


def test_one_row_has_no_deviation(make_run):
    run = read.read_run(make_run(CONFIG, VARIANTS, folds=("draw_0",), seeds=1))
    assert read.find_figure(run, SEQSEW, "test", "accuracy")[1:] == (None, 1)


def test_a_damaged_file_is_refused_by_name(make_run):
    """What results.json must hold is tested where it is written; here, that its reader is asked."""
    folder = make_run(CONFIG, VARIANTS)
    change(folder, lambda results: results["trials"][0].pop("seed"))
    with pytest.raises(UserError, match=r"results\.json lacks 'trials\[0\]\.seed'; restore the file, or make it anew"):
        read.read_run(folder)


def test_another_schema_is_refused_with_the_command_that_makes_it_anew(make_run):
    folder = make_run(CONFIG, VARIANTS)
    change(folder, lambda results: results.update(schema=1))
    with pytest.raises(
        UserError, match=r"has schema 1, and this version reads schema 2; .*--config=configs/seqsew\.py"
    ):
        read.read_run(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_not_results_at_all(make_run, text):
    folder = make_run(CONFIG, VARIANTS)
    (folder / "results.json").write_text(text)
    with pytest.raises(UserError, match="results.json"):
        read.read_run(folder)


def test_a_folder_with_another_run(make_run):
    folder = make_run(CONFIG, VARIANTS)
    change(folder, lambda results: results.update(config_arg="configs/seqsew.py:mosi,audio+text"))
    with pytest.raises(UserError, match=r"holds a run of configs/seqsew\.py:mosi,audio\+text, not of"):
        read.find_run(folder.parent, CONFIG)


def test_of_searched_rows_the_selected_one(make_run):
    folder = make_run(CONFIG, VARIANTS, folds=("draw_0",), seeds=1)

    def search(results):
        row = results["trials"][0]
        results["trials"] = [row | {"hyper": {"lr": lr}} for lr in (0.1, 0.2)]
        chosen = {"study": "teachers", "variant": "SeqSEW", "fold": "draw_0", "hyper": {"lr": 0.2}}
        chosen |= {"score": 0.5, "candidates": 2}
        results["selected"] = [chosen]

    change(folder, search)
    assert read.match_trials(read.read_run(folder), SEQSEW) == {("draw_0", 0): 1}
    change(folder, lambda results: results.update(selected=[]))
    with pytest.raises(UserError, match="two trials of teachers, SeqSEW with fold draw_0 and seed 0"):
        read.match_trials(read.read_run(folder), SEQSEW)


def test_predictions(make_run):
    folder = make_run(CONFIG, VARIANTS)
    run = read.read_run(folder)
    assert read.read_predictions(run, "teachers", "test").prediction.shape == (4, 48)
    assert read.read_predictions(run, "teachers", "validation") is None
    with np.load(folder / "predictions.npz") as file:
        arrays = {**file, "teachers/test/target": np.zeros(3)}
    np.savez(folder / "predictions.npz", **arrays)
    with pytest.raises(UserError, match="has no array .* that fits the others"):
        read.read_predictions(run, "teachers", "test")
    (folder / "predictions.npz").unlink()
    assert read.read_predictions(run, "teachers", "test") is None


def test_pickled_predictions_are_refused(make_run):
    folder = make_run(CONFIG, VARIANTS)
    np.savez(folder / "predictions.npz", **{"teachers/trial": np.array([{}], dtype=object)})
    with pytest.raises(UserError, match=r"predictions\.npz cannot be read"):
        read.read_predictions(read.read_run(folder), "teachers", "test")


def test_a_run_is_described(make_run):
    text = naming.describe_run(read.read_run(make_run(CONFIG, VARIANTS, synthetic=True)))
    assert text == (
        "seqsew_mosi_video_text: synthetic corpus cmu_mosi/poria; fingerprint cmu_mosiTrue; alignment dcca; "
        "validation draws draw_0, draw_1; 2 seeds; git 0123456789ab."
    )


def test_rows_that_diverged_are_counted(make_run):
    folder = make_run(CONFIG, VARIANTS)
    change(folder, lambda results: results["trials"][1].update(finite=False))
    assert "1 of 4 trials met a loss that was not finite." in naming.describe_run(read.read_run(folder))


def test_alignments_by_name():
    losses = {"prediction": {"kind": "mse"}, "alignment": {"kind": "dcca"}}
    config = {"stages": {"fit": {"losses": losses}}, "studies": {"teachers": {}}}
    assert naming.list_alignments(config) == ("dcca",)
    other = {"stages": {"fit": {"losses": {"alignment": {"kind": "barlow"}}}}}
    assert naming.list_alignments(config | {"studies": {"teachers": {}, "other": other}}) == ("barlow", "dcca")
    # A study that drops the loss has no alignment, though the config's stages name one.
    assert (
        naming.list_alignments(config | {"studies": {"audio": {"stages": {"fit": {"losses": {"alignment": None}}}}}})
        == ()
    )


def test_config_json(make_run):
    folder = make_run(CONFIG, VARIANTS)
    (folder / "config.json").write_text('{"config": {"studies": {}}}')
    assert "alignment" not in naming.describe_run(read.read_run(folder))
    (folder / "config.json").write_text("[]")
    with pytest.raises(UserError, match=r"config\.json holds no 'config'"):
        read.read_run(folder)
    (folder / "config.json").unlink()
    assert "alignment" not in naming.describe_run(read.read_run(folder))


def test_names_are_short_and_never_the_same(make_run, make_fusion_run):
    encoders = [("video/bigru", "BiGRU"), ("text/bigru", "BiGRU"), ("video/te", "TE")]
    run = read.read_run(make_run("configs/seqsew_unimodal.py:mosi", encoders))
    assert list(read.name_variants([run]).values()) == ["video/bigru", "text/bigru", "TE"]
    other = read.read_run(make_run(CONFIG, [("teachers", "TE")], synthetic=True))
    names = read.name_variants([run, other])
    assert list(names.values())[2:] == ["seqsew_unimodal_mosi: TE", "seqsew_mosi_video_text (synthetic): TE"]
    assert read.name_variants([other])[Source(str(other.path), "teachers", "TE")] == "TE (synthetic)"


def test_two_folders_of_one_name_are_told_apart(make_traces):
    first = read.read_run(make_traces({"SEW": 0.1}, name="a/run"))
    second = read.read_run(make_traces({"SEW": 0.1}, name="b/run", synthetic=True))
    assert list(read.label_runs([first, second]).values()) == [str(first.path), f"{second.path} (synthetic)"]
    assert list(read.label_runs([first]).values()) == ["run"]
    assert len(set(read.name_variants([first, second]).values())) == 2


def test_the_test_split_comes_first(make_fusion_run):
    run = read.read_run(make_fusion_run("configs/fusion.py:trimodal", {"intra": 0.3, "cross": 0.1}))
    assert read.list_splits(run) == ["test", "validation"]
    assert [source.study for source in read.list_variants(run)] == ["intra", "cross"]
