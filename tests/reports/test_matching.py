import json

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.reports import folders, matching
from affect_jax.reports.sources import Source

CONFIG = "configs/fusion.py:trimodal"


def source(study, config=CONFIG):
    return Source(config, study, study)


def sizes(run, study="intra"):
    return matching.sizes(run, folders.read_arrays(run, study), study, "test")


def test_rows_of_the_same_fold_and_seed(make_fusion_run):
    run = folders.read_run(make_fusion_run(CONFIG, {"intra": 0.1, "cross": 0.5}))
    found = matching.match(run, source("intra"), run, source("cross"), "test", "uar")
    assert len(found.a) == 15
    for k, (i, j) in enumerate(zip(found.rows_a, found.rows_b, strict=True)):
        mine, theirs = run.results["trials"][i], run.results["trials"][j]
        assert (mine["fold"], mine["seed"]) == (theirs["fold"], theirs["seed"])
        assert (found.a[k], found.b[k]) == (mine["test"]["uar"], theirs["test"]["uar"])
    assert matching.match(run, source("intra"), run, source("cross"), "test", "ccc") is None
    assert matching.match(run, source("intra"), run, source("nothing"), "test", "uar") is None


def test_what_a_fold_trains_on(make_fusion_run):
    # 60 clips, of which each of five folds tests 12 and validates on 12.
    assert sizes(folders.read_run(make_fusion_run(CONFIG, {"intra": 0.1}))) == (36, 12)


def test_videos_are_counted_where_a_video_has_many_steps(make_fusion_run):
    folder = make_fusion_run(CONFIG, {"intra": 0.1})
    path = folder / "results.json"
    results = json.loads(path.read_text())
    results["corpus"]["counts"]["train"] = {"recordings": 5, "steps": 60}
    path.write_text(json.dumps(results))
    assert sizes(folders.read_run(folder)) == (3, 1)  # a group is a fifth of all


def test_sizes_that_cannot_be_told(make_fusion_run):
    assert sizes(folders.read_run(make_fusion_run(CONFIG, {"intra": 0.1}, predictions=False))) is None


def kept(order, shift=0):
    prediction = np.where(np.arange(6) % 2 == np.arange(2)[:, None], 0.5, np.nan)[:, order]
    ids = np.array([f"c{i}" for i in range(6)])[order]
    return folders.Predictions(prediction, np.arange(6.0)[order] + shift, ids, ids, np.array([3, 4]))


def test_the_same_clips_in_any_order():
    here, there = kept(np.arange(6)), kept(np.array([5, 3, 1, 0, 2, 4]))
    assert matching.same_examples(here, there, [3, 4], [3, 4])
    assert not matching.same_examples(here, there, [3, 4], [4, 3]), "the folds hold other clips"
    assert not matching.same_examples(here, there, [3], [5]), "a row that was not kept"
    assert not matching.same_examples(here, kept(np.arange(6), shift=1), [3], [3]), "another truth"
    other = there._replace(id=np.char.add("x", there.id))
    assert not matching.same_examples(here, other, [3], [3]), "other clips"


@pytest.fixture
def two_runs(make_fusion_run, make_run):
    folder = make_fusion_run(CONFIG, {"intra": 0.1, "cross": 0.5})
    other = make_fusion_run("configs/fusion.py:all", {"intra": 0.1})
    mosi = make_run("configs/seqsew.py:mosi,video+text", [("pair", "SeqSEW"), ("pair", "-LFA"), ("alone", "one")])
    return {str(path): folders.read_run(path) for path in (folder, other, mosi)}


def test_a_cell_by_its_name(two_runs):
    trimodal, every, mosi = two_runs
    assert matching.find_cell("cross", two_runs) == source("cross", trimodal)
    assert matching.find_cell("-LFA", two_runs) == Source(mosi, "pair", "-LFA")
    assert matching.find_cell("alone", two_runs) == Source(mosi, "alone", "one")
    assert matching.find_cell("fusion_all:intra", two_runs) == source("intra", every)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("intro", r"no run has a study or cell 'intro' \(did you mean 'intra'\?\); there are -LFA"),
        ("pair", "no run has a study or cell 'pair'"),
        ("intra", r"'intra' names 2 cells: fusion_trimodal \(intra, intra\); fusion_all .*; write FOLDER:NAME"),
        ("nowhere:intra", "there are none in a folder nowhere"),
    ],
)
def test_a_name_that_is_not_one_cell(two_runs, name, said):
    with pytest.raises(UserError, match=said):
        matching.find_cell(name, two_runs)


def test_signs_and_p_values():
    assert matching.signed(-0.0214, percent=False) == "−0.021"
    assert matching.signed(0.0214, percent=True) == "+2.1"
    assert [matching.p_value(p) for p in (0.0004, 0.0532, float("nan"))] == ["<0.001", "0.053", ""]
