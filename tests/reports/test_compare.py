import json

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.reports import compare, read, tables
from affect_jax.reports.sources import Source

CONFIG = "configs/fusion.py:trimodal"


def source(study, config=CONFIG):
    return Source(config, study, study)


def sizes(run, study="intra"):
    return read.measure_sizes(run, study, "test")


def test_rows_of_the_same_fold_and_seed(make_fusion_run):
    run = read.read_run(make_fusion_run(CONFIG, {"intra": 0.1, "cross": 0.5}))
    matched = compare.match_scores({CONFIG: run}, source("intra"), source("cross"), "test", "uar")
    assert len(matched.a) == 15
    for k, (i, j) in enumerate(zip(matched.trials_a, matched.trials_b, strict=True)):
        mine, theirs = run.results.trials[i], run.results.trials[j]
        assert (mine.fold, mine.seed) == (theirs.fold, theirs.seed)
        assert (matched.a[k], matched.b[k]) == (mine.test["uar"], theirs.test["uar"])
    assert compare.match_scores({CONFIG: run}, source("intra"), source("cross"), "test", "ccc") is None
    assert compare.match_scores({CONFIG: run}, source("intra"), source("nothing"), "test", "uar") is None


def test_what_a_fold_trains_on(make_fusion_run):
    # 60 clips, of which each of five folds tests 12 and validates on 12.
    assert sizes(read.read_run(make_fusion_run(CONFIG, {"intra": 0.1}))) == (36, 12)


def test_videos_are_counted_where_a_video_has_many_steps(make_fusion_run):
    folder = make_fusion_run(CONFIG, {"intra": 0.1})
    path = folder / "results.json"
    results = json.loads(path.read_text())
    results["corpus"]["counts"]["train"] = {"recordings": 5, "steps": 60}
    path.write_text(json.dumps(results))
    assert sizes(read.read_run(folder)) == (3, 1)  # a group is a fifth of all


def test_sizes_that_cannot_be_told(make_fusion_run):
    assert sizes(read.read_run(make_fusion_run(CONFIG, {"intra": 0.1}, predictions=False))) is None


def make_predictions(order, shift=0):
    prediction = np.where(np.arange(6) % 2 == np.arange(2)[:, None], 0.5, np.nan)[:, order]
    ids = np.array([f"c{i}" for i in range(6)])[order]
    return read.Predictions(prediction, np.arange(6.0)[order] + shift, ids, ids, np.array([3, 4]))


def test_the_same_clips_in_any_order():
    ordered, shuffled = make_predictions(np.arange(6)), make_predictions(np.array([5, 3, 1, 0, 2, 4]))
    assert compare.are_same_examples(ordered, shuffled, [3, 4], [3, 4])
    assert not compare.are_same_examples(ordered, shuffled, [3, 4], [4, 3]), "the folds hold other clips"
    assert not compare.are_same_examples(ordered, shuffled, [3], [5]), "a row that was not kept"
    assert not compare.are_same_examples(ordered, make_predictions(np.arange(6), shift=1), [3], [3]), "another truth"
    other = shuffled._replace(id=np.char.add("x", shuffled.id))
    assert not compare.are_same_examples(ordered, other, [3], [3]), "other clips"


@pytest.fixture
def two_runs(make_fusion_run, make_run):
    folder = make_fusion_run(CONFIG, {"intra": 0.1, "cross": 0.5})
    other = make_fusion_run("configs/fusion.py:all", {"intra": 0.1})
    mosi = make_run(
        "configs/seqsew.py:mosi,video+text", [("teachers", "SeqSEW"), ("teachers", "-LFA"), ("alone", "one")]
    )
    return {str(path): read.read_run(path) for path in (folder, other, mosi)}


def test_a_cell_by_its_name(two_runs):
    trimodal, every, mosi = two_runs
    assert compare.find_variant("cross", two_runs) == source("cross", trimodal)
    assert compare.find_variant("-LFA", two_runs) == Source(mosi, "teachers", "-LFA")
    assert compare.find_variant("alone", two_runs) == Source(mosi, "alone", "one")
    assert compare.find_variant("fusion_all:intra", two_runs) == source("intra", every)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("intro", r"no run has a study or variant 'intro' \(did you mean 'intra'\?\); there are -LFA"),
        ("teachers", "no run has a study or variant 'teachers'"),
        ("intra", r"'intra' names 2 variants: fusion_trimodal \(intra, intra\); fusion_all .*; write FOLDER:NAME"),
        ("nowhere:intra", "there are none in a folder nowhere"),
    ],
)
def test_a_name_that_is_not_one_cell(two_runs, name, message):
    with pytest.raises(UserError, match=message):
        compare.find_variant(name, two_runs)


def test_signs_and_p_values():
    assert tables.format_difference(-0.0214, "ccc") == "−0.021"
    assert tables.format_difference(0.0214, "uar") == "+2.1"
    assert [tables.format_p(p) for p in (0.0004, 0.0532, float("nan"))] == ["<0.001", "0.053", ""]
