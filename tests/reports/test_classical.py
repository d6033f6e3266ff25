import json

import pytest

from affect_jax.baselines import functionals, methods
from affect_jax.errors import UserError
from affect_jax.reports import render, report_files, sources, thesis_tables
from affect_jax.reports.thesis import TABLES

CONFIG = sources.name_baselines(sources.CONFLICTNET)
IS13, SUBSET = "IS13 baseline (Schuller 2013)", "Random subset feature selection (Räsänen 2013)"


@pytest.fixture
def make(make_run):
    """make(cell -> features) writes a folder as launch.baselines does, of a synthetic corpus."""

    def call(features, corpus="sspnet_conflict", fitted_on="train", synthetic=True):
        folder = make_run(
            CONFIG,
            [("baseline", cell) for cell in features],
            task="signed_regression",
            corpus=corpus,
            synthetic=synthetic,
            folds=("dev",),
            extra_metrics={"pcc": 0.7, "uar": 0.6, "accuracy": 0.65},
            predictions=False,
        )
        results = json.loads((folder / "results.json").read_text())
        for trial in results["trials"]:
            trial["classical"] = {"features": features[trial["variant"]], "columns": 9, "fitted_on": fitted_on}
        (folder / "results.json").write_text(json.dumps(results))
        config = {"config_arg": CONFIG, "config": {"baselines": {"iterations": 10_000}}}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return call


def rendered(tmp_path, **options):
    return render.write_formats(
        thesis_tables.make_table(TABLES["3.1"], report_files.gather_runs([TABLES["3.1"]], tmp_path / "runs", **options))
    )


def line(text, label):
    return next(line for line in text.splitlines() if line.startswith(f"| {label}"))


def test_the_names_are_those_of_launch_baselines():
    assert (sources.BASELINES, sources.SMILE) == (methods.STUDY, functionals.NAME)
    assert (sources.IS13, sources.RANDOM_SUBSET) == (methods.NAMES["is13"], methods.NAMES["random_subset"])


@pytest.mark.parametrize("config", [sources.CONFLICTNET, "configs/conflictnet.py"])
def test_a_folder_of_baselines_belongs_to_a_config(config):
    assert sources.name_network(sources.name_baselines(config)) == config
    assert sources.name_network(config) == config


def test_synthetic_figures_say_so_in_their_cells(make, tmp_path):
    make({sources.IS13: functionals.NAME, sources.RANDOM_SUBSET: functionals.NAME})
    texts = rendered(tmp_path)
    figure = "0.700 ± 0.000 (n=2; constant unknown; synthetic)"
    assert line(texts["md"], IS13).startswith(f"| {IS13} \\* (synthetic) | 0.826 | {figure} | 80.8 | 60.0")
    assert line(texts["md"], SUBSET).startswith(f"| {SUBSET} (synthetic) | 0.826 | {figure} | 81.6 | 60.0")
    for label, cell in ((IS13, sources.IS13), (SUBSET, sources.RANDOM_SUBSET)):
        lines = [text for text in texts["csv"].splitlines() if f"3.1,{label}" in text]
        assert len(lines) == 3, cell
        assert all("synthetic" in text for text in lines)


def test_what_differs_from_the_published_methods_is_said(make, tmp_path):
    make({sources.IS13: functionals.NAME, sources.RANDOM_SUBSET: "MFCC statistics"})
    text = rendered(tmp_path)["csv"]
    assert (
        f"{sources.IS13}: of ComParE_2016, fitted on train (the published one on the validation split as well" in text
    )
    assert "of MFCC statistics, fitted on train (10,000 random subsets and the published one 300,000; the pub" in text
    assert "opensmile" not in text


def test_refit_is_alike(make, tmp_path):
    make({sources.IS13: functionals.NAME}, fitted_on="train+validation")
    assert f"{sources.IS13}: of ComParE_2016, fitted on train+validation." in rendered(tmp_path)["csv"]


def test_without_opensmile_the_rest_is_made_and_a_note_says_what_to_do(make, tmp_path):
    folder = make({sources.RANDOM_SUBSET: "MFCC statistics"})
    texts = rendered(tmp_path)
    assert line(texts["md"], IS13).count("not run") == 3
    assert line(texts["md"], SUBSET).count("synthetic") == 4
    assert f"Install that, move {folder} away and make it again: python -m launch.baselines --config=" in texts["csv"]
    assert "pip install 'affect-jax[opensmile]'" in texts["csv"]


def test_without_a_folder_a_note_has_the_command(tmp_path):
    texts = rendered(tmp_path)
    assert line(texts["md"], IS13).count("not run") == line(texts["md"], SUBSET).count("not run") == 3
    assert "conflictnet_sspnet_conflict_baseline is made by launch.report --train, or by python -m" in texts["csv"]
    assert f"--config={sources.CONFLICTNET} --config.corpus.manual_dir=DIR" in texts["csv"]


def test_another_corpus_never_stands_beside_the_published_figures(make, tmp_path):
    make({sources.RANDOM_SUBSET: "MFCC statistics"}, corpus="ravdess_debates")
    with pytest.raises(
        UserError, match=r"is of the corpus ravdess_debates, table 3.1 of sspnet_conflict; move it away"
    ):
        rendered(tmp_path)
