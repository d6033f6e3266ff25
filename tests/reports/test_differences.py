import json
import math

import numpy as np
import pytest
from scipy import stats

from affect_jax.errors import UserError
from affect_jax.evaluation import compare, read
from affect_jax.reports import differences
from affect_jax.reports.answers import give_verdict
from affect_jax.reports.thesis import QUESTIONS

TRIMODAL, MODDROP = "configs/fusion.py:trimodal,iemocap", "configs/fusion.py:moddrop,iemocap"
BY_LABEL = {question.label: question for question in QUESTIONS}
INTRA_CROSS = BY_LABEL["intra vs cross, T+V+A"]


@pytest.fixture
def asked(make_fusion_run):
    """asked(questions, {config: {study: error}}) -> the answers by (label, metric)."""

    def ask(some, errors, **options):
        runs = {config: read.read_run(make_fusion_run(config, error, **options)) for config, error in errors.items()}
        return {(x.question.label, x.metric): x for x in compare.answer_questions(some, runs)}

    return ask


def scores(folder, study, metric):
    rows = json.loads((folder / "results.json").read_text())["trials"]
    return np.array([row["test"][metric] for row in rows if row["study"] == study])


def test_the_rule_of_folds_by_hand(make_fusion_run):
    folder = make_fusion_run(TRIMODAL, {"intra": 0.3, "cross": 0.4})
    answers = compare.answer_questions([INTRA_CROSS], {TRIMODAL: read.read_run(folder)})
    assert [x.metric for x in answers] == ["uar", "accuracy"]
    for x in answers:
        a, b = scores(folder, "intra", x.metric), scores(folder, "cross", x.metric)
        of_folds = (a - b).reshape(5, 3).mean(1)
        t = of_folds.mean() / math.sqrt((1 / 5 + 1 / 3) * of_folds.var(ddof=1))
        assert x.contrast.test.p == pytest.approx(2 * stats.t.sf(abs(t), 4))
        assert x.contrast.test.rule == "Nadeau-Bengio, folds"
        assert x.contrast.holm == pytest.approx(x.contrast.test.p), "a family of one is as it was"
        assert (x.contrast.a.mean, x.contrast.b.mean) == (pytest.approx(a.mean()), pytest.approx(b.mean()))


def test_holm_is_over_the_tested_questions_of_a_metric(asked):
    some = [BY_LABEL[label] for label in ("intra vs cross, T+V+A", "intra+moddrop vs intra", "intra vs intra-nosp")]
    errors = {TRIMODAL: {"intra": 0.3, "cross": 0.4}, MODDROP: {"intra+moddrop": 0.1}}
    mine = [x for (_, metric), x in asked(some, errors).items() if metric == "uar"]
    assert [bool(x.missing) for x in mine] == [False, False, True]
    low, high = sorted((x.contrast for x in mine[:2]), key=lambda contrast: contrast.test.p)
    assert (low.family, low.holm) == (2, pytest.approx(2 * low.test.p))
    assert high.holm == pytest.approx(max(high.test.p, low.holm))


def test_what_was_not_run(asked):
    some = [INTRA_CROSS, BY_LABEL["intra+moddrop vs intra"]]
    answers = asked(some, {TRIMODAL: {"intra": 0.3}})
    assert answers["intra+moddrop vs intra", "uar"].missing == "fusion_moddrop_iemocap was not run"
    assert give_verdict(answers["intra+moddrop vs intra", "uar"]) == "not run"
    lacking = answers["intra vs cross, T+V+A", "uar"]
    assert lacking.missing == "no trials of intra and cross with the same fold and seed have a uar on test"
    assert give_verdict(lacking) == "not comparable"


def test_other_features_of_the_same_clips_compare_and_other_clips_do_not(make_fusion_run):
    question = BY_LABEL["intra+moddrop vs intra"]
    trimodal = read.read_run(make_fusion_run(TRIMODAL, {"intra": 0.3}))
    same = read.read_run(make_fusion_run(MODDROP, {"intra+moddrop": 0.1}, fingerprint="with prosody"))
    assert not compare.answer_questions([question], {TRIMODAL: trimodal, MODDROP: same})[0].missing
    config = "configs/fusion.py:moddrop"
    other = read.read_run(make_fusion_run(config, {"intra+moddrop": 0.1}, fingerprint="x", prefix="other"))
    answers = compare.answer_questions([question], {TRIMODAL: trimodal, MODDROP: other})[0]
    assert answers.missing == "fusion_moddrop and fusion_trimodal_iemocap were not scored on the same examples"


def test_the_thesis_own_figures():
    asked = [(question, metric) for question in QUESTIONS for metric in question.metrics]
    answers = {(question.label, metric): differences.check_printed(question, metric) for question, metric in asked}
    printed = answers["intra vs cross, T+A", "uar"]
    # .518 ± .031 against .501 ± .026, 50 values each.
    assert printed.p == pytest.approx(stats.ttest_ind_from_stats(0.518, 0.031, 50, 0.501, 0.026, 50).pvalue)
    starred = {key for key, x in answers.items() if x.starred}
    assert starred == {
        ("intra vs cross, T+A", "uar"),
        ("intra vs cross, T+A", "accuracy"),
        ("intra vs cross, T+V+A", "uar"),
        ("intra-nosp vs cross-nosp", "uar"),
    }
    # The thesis' own verdicts follow from its printed figures by the independent test, as far as rounding allows.
    assert all(answers[key].p < 0.06 for key in starred)
    others = [answers[f"intra vs cross, {m}", s].p for m in ("T+V", "V+A") for s in ("uar", "accuracy")]
    assert min(*others, answers["intra vs cross, T+V+A", "accuracy"].p) > 0.05


def test_questions_of_some_runs():
    labels = [question.label for question in differences.list_questions([TRIMODAL, MODDROP])]
    assert labels == ["intra vs cross, T+V+A", "intra+moddrop vs intra", "cross+moddrop vs cross"]
    assert differences.list_questions(["configs/fusion.py:pairs,iemocap"]) == ()


@pytest.fixture
def ravdess(make_fusion_run):
    config = "configs/fusion.py:trimodal,ravdess"
    folder = make_fusion_run(config, {"intra": 0.05, "cross": 0.7}, fingerprint="ravdess")
    return {str(folder): read.read_run(folder)}


def test_a_question_on_the_command_line(ravdess):
    question = compare.parse_question("cross vs intra", ravdess)
    assert (question.a.variant, question.b.variant, question.split, question.metrics) == (
        "cross",
        "intra",
        "test",
        ("uar", "accuracy"),
    )
    answers = compare.answer_questions([question], ravdess)
    assert {give_verdict(x, ("cross", "intra")) for x in answers} == {"intra better"}
    assert all(math.isnan(differences.check_printed(question, x.metric).p) for x in answers), (
        "the thesis prints nothing of another corpus"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("intra", "is not two names; write --compare='intra vs cross'"),
        ("intra vs ", "is not two names"),
        ("intra vs cross vs both", "is not two names"),
        ("intra vs crass", r"'crass' \(did you mean 'cross'\?\)"),
        ("intra vs intra", "names one variant twice"),
    ],
)
def test_a_question_that_is_none(ravdess, text, message):
    with pytest.raises(UserError, match=message):
        compare.parse_question(text, ravdess)


def test_cells_of_two_tasks(ravdess, make_run):
    folder = make_run("configs/sew.py:arousal,geo+audio", [("teachers", "SEW")], task="regression")
    with pytest.raises(UserError, match="share none of uar, accuracy, ccc, pcc"):
        compare.parse_question("intra vs SEW", ravdess | {str(folder): read.read_run(folder)})
