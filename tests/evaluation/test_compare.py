import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.evaluation import compare, over_groups, read
from affect_jax.evaluation.compare import Question
from affect_jax.evaluation.design import DRAWS, FOLDS
from affect_jax.evaluation.read import Source
from affect_jax.evaluation.significance import Interval
from affect_jax.reports import tables
from affect_jax.reports.answers import describe_answer, give_verdict

CONFIG = "configs/fusion.py:trimodal"


def source(study, config=CONFIG):
    return Source(config, study, study)


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


def test_the_design_comes_from_what_is_recorded_of_the_folds(make_fusion_run, make_run):
    run = read.read_run(make_fusion_run(CONFIG, {"intra": 0.1, "cross": 0.5}))
    design = compare.match_scores({CONFIG: run}, source("intra"), source("cross"), "test", "uar").design
    assert (design.kind, design.overlap) == (FOLDS, pytest.approx(1 / 3))
    assert design.describe() == (
        "5 folds x 3 seeds; folds share training data; a trial trains on 3 groups and is scored on 1"
    )
    path = "configs/seqsew.py:mosi,video+text"
    mosi = read.read_run(make_run(path, [("teachers", "SeqSEW"), ("teachers", "-LFA")]))
    a, b = (Source(path, "teachers", name) for name in ("SeqSEW", "-LFA"))
    assert compare.match_scores({path: mosi}, a, b, "test", "accuracy").design.kind == DRAWS


def make_predictions(order, shift=0):
    prediction = np.where(np.arange(6) % 2 == np.arange(2)[:, None], 0.5, np.nan)[:, order]
    ids = np.array([f"c{i}" for i in range(6)])[order]
    return read.Predictions(prediction, np.arange(6.0)[order] + shift, ids, ids, np.array([3, 4]))


def test_the_same_clips_in_any_order():
    ordered, shuffled = make_predictions(np.arange(6)), make_predictions(np.array([5, 3, 1, 0, 2, 4]))
    assert over_groups.are_same_examples(ordered, shuffled, [3, 4], [3, 4])
    assert not over_groups.are_same_examples(ordered, shuffled, [3, 4], [4, 3]), "the folds hold other clips"
    assert not over_groups.are_same_examples(ordered, shuffled, [3], [5]), "a row that was not kept"
    assert not over_groups.are_same_examples(ordered, make_predictions(np.arange(6), shift=1), [3], [3]), (
        "another truth"
    )
    other = shuffled._replace(id=np.char.add("x", shuffled.id))
    assert not over_groups.are_same_examples(ordered, other, [3], [3]), "other clips"


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


CROSS_INTRA = Question("cross vs intra", source("cross"), source("intra"), "test", ("accuracy",))


def ask(run, **options):
    return compare.answer_questions([CROSS_INTRA], {CONFIG: run}, **options)[0]


def change(answer, **changes):
    test = answer.contrast.test._replace(**{k: changes.pop(k) for k in ("mean", "error", "p") if k in changes})
    return answer._replace(contrast=answer.contrast._replace(test=test, **changes))


def test_better_is_said_where_both_doubts_are_met(make_fusion_run):
    answer = ask(read.read_run(make_fusion_run(CONFIG, {"cross": 0.7, "intra": 0.05}, seeds=4)))
    interval = answer.contrast.interval
    assert interval.groups == 5
    assert interval.difference == pytest.approx(answer.contrast.difference)
    assert (answer.outcome, give_verdict(answer, ("cross", "intra"))) == ("worse", "intra better")
    certain = change(answer, holm=0.01, interval=interval._replace(low=-0.6, high=-0.1))
    assert give_verdict(certain) == "worse"
    doubtful = change(answer, holm=0.01, interval=interval._replace(low=-0.6, high=0.1))
    assert give_verdict(doubtful, ("cross", "intra")) == "intra better over folds, not certain over groups"
    blind = change(answer, holm=0.01, interval=None)
    assert give_verdict(blind) == "worse over folds, other groups unknown"
    unshown = change(answer, holm=0.06, error=0.01)
    assert unshown.outcome == "none"
    assert give_verdict(unshown).startswith("no difference shown (80 % power at ")


def test_less_is_better_of_an_error(make_fusion_run):
    answer = ask(read.read_run(make_fusion_run(CONFIG, {"cross": 0.05, "intra": 0.7}, seeds=4)))
    assert answer.contrast.difference > 0
    assert give_verdict(answer._replace(metric="rmse"), ("cross", "intra")) == "intra better"


def test_a_margin_is_answered_where_it_is_asked(make_fusion_run):
    answer = ask(read.read_run(make_fusion_run(CONFIG, {"cross": 0.3, "intra": 0.3})), margin=0.02)
    close = Interval(0.0, -0.01, 0.01, 24)
    certain = change(answer, mean=0.001, error=0.001, p=0.4, holm=0.4, interval=close)
    assert give_verdict(certain, ("cross", "intra")).endswith("; equivalent within 2 points")
    above = change(certain, interval=close._replace(high=0.05))
    assert give_verdict(above, ("cross", "intra")).endswith("; cross no worse by more than 2 points")
    below = change(certain, interval=close._replace(low=-0.05))
    assert give_verdict(below).endswith("; no better by more than 2 points")
    assert give_verdict(change(certain, error=0.1)).endswith("; not shown to be within 2 points")
    assert "points" not in give_verdict(certain._replace(margin=None))


def test_what_older_runs_did_not_record_is_not_tested(make_fusion_run):
    answer = ask(read.read_run(make_fusion_run(CONFIG, {"cross": 0.1, "intra": 0.5}, has_records=False)))
    assert (answer.outcome, give_verdict(answer)) == ("", "folds not recorded, not tested")
    assert describe_answer(answer)["p"] == ""
