"""Modalities ranked by validation alone, with tests that know of folds and of their number."""

import json

import pytest

from affect_jax.evaluation import modality_ranking
from affect_jax.evaluation.read import read_run
from affect_jax.reports import ranking, report_files

VARIANTS = [("audio", "audio"), ("text", "text"), ("video", "video")]
ERROR = {"audio": 0.45, "text": 0.05, "video": 0.3}


@pytest.fixture
def ranked(make_run):
    """ranked(**options of make_run) -> a folder with a model of each modality alone."""

    def make(config_arg="configs/rank.py:mosi", variants=VARIANTS, **options):
        folder = make_run(config_arg, variants, **{"split": "validation", "error": ERROR, "seeds": 4, **options})
        path = folder / "config.json"
        document = json.loads(path.read_text())
        document["config"]["model"] = {"weaker": "text", "stronger": []}
        document["config"]["studies"] = {study: {"model": {"weaker": study}} for study, _ in variants}
        path.write_text(json.dumps(document))
        results = json.loads((folder / "results.json").read_text())
        results["monitor"] = {"metric": "accuracy", "goal": "max"}
        (folder / "results.json").write_text(json.dumps(results))
        return folder

    return make


def change(folder, what):
    results = json.loads((folder / "results.json").read_text())
    what(results)
    (folder / "results.json").write_text(json.dumps(results))


def test_the_best_on_validation_teaches_the_worst_whatever_the_test_part_says(ranked):
    folder = ranked()

    def contradict(results):
        for cell in [dict(cell) for cell in results["variants"]]:
            results["variants"].append({**cell, "split": "test", "mean": 1 - cell["mean"]})

    change(folder, contradict)
    ranks = modality_ranking.rank_modalities(read_run(folder))
    assert [one.modality for one in ranks.ranked] == ["text", "video", "audio"]
    assert ranks.ranked[0].test.mean < ranks.ranked[1].test.mean < ranks.ranked[2].test.mean


def test_every_two_are_tested_and_corrected_for_their_number(ranked):
    ranks = modality_ranking.rank_modalities(read_run(ranked()))
    assert [test.question.label for test in ranks.tests] == ["text vs video", "text vs audio", "video vs audio"]
    for test in ranks.tests:
        assert test.contrast.n == 8
        assert test.contrast.difference > 0
        assert test.contrast.test.p <= test.contrast.holm <= 1
        assert test.contrast.family == 3


def test_the_table_has_the_pair_the_trap_and_the_constant(ranked):
    folder = ranked(synthetic=True)
    files = report_files.render_runs([folder], "python -m launch.report X")
    text = files["ranking"]["md"]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert [line.split("|")[2].strip() for line in lines[2:]] == [
        "text (synthetic)",
        "video (synthetic)",
        "audio (synthetic)",
        "majority of the scored part",
    ]
    assert "text better" in lines[2]
    assert "66.7" in lines[-1]
    assert "text teaches audio" in text
    assert "Validation trap" in text
    assert "launch.report X" in text
    assert files["ranking"]["csv"].startswith("rank,modality,")
    assert r"\begin{table}" in files["ranking"]["tex"]
    assert files["ranking_pairs"]["md"].count(" vs ") == 3
    assert b"Which modality is the stronger one" in files["index"]["html"]
    assert "text teaches audio" in ranking.summarize_ranking(folder)


def test_one_trial_is_not_tested(ranked):
    ranks = modality_ranking.rank_modalities(read_run(ranked(folds=("draw_0",), seeds=1)))
    assert "one trial only, not tested" in ranking.summarize_ranking(ranks.run.path)


def test_a_loss_is_not_ranked_by(ranked):
    folder = ranked()
    change(folder, lambda results: results.update(monitor={"metric": "log_loss", "goal": "min"}))
    assert modality_ranking.rank_modalities(read_run(folder)).metric == "accuracy"


@pytest.mark.parametrize("variants", [[("text", "text")], [("teachers", "SeqSEW"), ("other", "x")]])
def test_other_runs_have_none(make_run, ranked, variants):
    folder = (
        ranked(variants=variants)
        if variants[0][0] == "text"
        else make_run("configs/sew.py", variants, split="validation")
    )
    assert modality_ranking.rank_modalities(read_run(folder)) is None
    assert ranking.summarize_ranking(folder) == ""
    assert "ranking" not in report_files.render_runs([folder], "command")
