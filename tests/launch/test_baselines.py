"""`launch.baselines` on small synthetic corpora, with openSMILE out of the way."""

import json
import subprocess
import sys
from functools import partial

import pytest
from absl import flags

from affect_jax.baselines import functionals, methods, run_baselines
from affect_jax.config.load import read_experiment
from affect_jax.errors import UserError
from affect_jax.experiment import terminal
from affect_jax.experiment.results_file import read_results
from affect_jax.reports import render, report_files, sources, thesis_tables
from affect_jax.reports.thesis import TABLES
from launch import baselines, changes
from tests import run_results

# Of ml_collections, which loads a config file in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")

SMALL = {
    "sspnet_conflict": dict(train=8, validation=4, test=4, seconds=2),
    "ravdess": dict(actors=5, statements=1),
}


@pytest.fixture
def main(monkeypatch, tmp_path, repo_root):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(functionals, "is_opensmile_installed", lambda: False)

    def call(config, corpus, *arguments):
        values = flags.FlagValues()
        baselines.define_flags(values)
        sizes = [f"--config.corpus.synthetic.{name}={value}" for name, value in SMALL[corpus].items()]
        data = f"--config.corpus.data_dir={tmp_path / 'data'}"
        argv = ["baselines", f"--config={repo_root / config}", data, *sizes, *arguments]
        monkeypatch.setattr(sys, "argv", argv)  # config_flags looks there for what is overridden
        argv = values(argv)
        monkeypatch.setattr(baselines, "FLAGS", values)
        baselines.main(argv)

    return call


def test_one_command_for_a_regression(main, tmp_path, capsys):
    arguments = ("configs/conflictnet.py", "sspnet_conflict", "--iterations=40", f"--workdir={tmp_path / 'run'}")
    main(*arguments)
    out, err = capsys.readouterr()
    assert "without the IS13 baseline, as openSMILE is not installed" in err
    results = read_results(tmp_path / "run")
    names = [
        methods.NAMES[name]
        for name in ("mfcc_statistics", "random_subset", "canonical", "forward_backward", "nystroem")
    ]
    assert {trial.variant for trial in results.trials} == {*names, *(name + methods.REFITTED for name in names)}
    assert results.task == "signed_regression"
    assert results.config_arg.endswith("configs/conflictnet.py:baseline")
    assert read_experiment(tmp_path / "run").corpus.settings["rate"] == 8000
    assert "MFCC statistics" in out
    before = (tmp_path / "run" / "results.json").read_bytes()
    main(*arguments)
    assert (tmp_path / "run" / "results.json").read_bytes() == before
    assert "MFCC statistics" in capsys.readouterr().out
    with pytest.raises(UserError, match="was made with another config"):
        main(*arguments, "--seeds=2")


def test_whole_clips_have_no_modality_alone(main):
    with pytest.raises(UserError, match="--alone is for labels per step, and .*conflictnet.py:baseline has one label"):
        main("configs/conflictnet.py", "sspnet_conflict", "--alone")


def test_a_report_fits_what_table_3_1_needs(main, tmp_path, monkeypatch, capsys):
    """`launch.report --tables=3.1 --train` on a small synthetic corpus, up to the networks, which are left out."""
    sizes = [f"corpus.synthetic.{name}={value}" for name, value in SMALL["sspnet_conflict"].items()]
    assignments = [*sizes, f"corpus.data_dir={tmp_path / 'data'}", "study.seeds=2", "stages.fit.epochs=1"]
    monkeypatch.setattr(methods, "Request", partial(methods.Request, iterations=40))

    def train(config_arg):
        if sources.name_network(config_arg) != config_arg:
            changes.make_run(config_arg, assignments, tmp_path / "runs")

    table = TABLES["3.1"]
    found = report_files.gather_runs([table], tmp_path / "runs", train)
    text = render.write_formats(thesis_tables.make_table(table, found))["md"]
    (trial,) = (line for line in text.splitlines() if line.startswith("| Random subset feature selection"))
    assert trial.count("(n=2; constant") == trial.count("; synthetic)") == 3
    assert "without the optional package opensmile" in text
    assert "without the IS13 baseline, as openSMILE is not installed" in capsys.readouterr().err
    assert report_files.gather_runs([table], tmp_path / "runs")[sources.name_baselines(sources.CONFLICTNET)] is not None


def test_one_command_for_classes(main, tmp_path, capsys):
    flag = "--methods=mfcc_statistics,action_units,both"
    main("configs/speech_emotion.py", "ravdess", flag, f"--workdir={tmp_path / 'run'}")
    results = read_results(tmp_path / "run")
    names = [methods.NAMES[name] for name in ("mfcc_statistics", "action_units", "both")]
    variants = list(dict.fromkeys(trial.variant for trial in results.trials))
    assert variants == [*names, *(name + methods.REFITTED for name in names)]
    assert results.corpus.labels[0] == "neutral"
    capsys.readouterr()


def test_the_folder_has_a_name_of_its_own_and_is_made_last(main, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_baselines, "fit_folds", lambda *args, **kwargs: run_results.make_results())
    monkeypatch.setattr(terminal, "format_results", lambda results: "")
    monkeypatch.setattr("affect_jax.reports.verdicts.summarize_verdicts", lambda folder: "")
    folder = tmp_path / "runs" / "conflictnet_baseline"
    for wrong in ("--methods=mfcc_statistic", "--config.corpus.manual_dir=/nowhere"):
        with pytest.raises(UserError, match="did you mean 'mfcc_statistics'|/nowhere is not a folder"):
            main("configs/conflictnet.py", "sspnet_conflict", wrong)
        assert not folder.exists()
    main("configs/conflictnet.py", "sspnet_conflict", "--methods=mfcc_statistics")
    assert json.loads((folder / "config.json").read_text())["config"]["baselines"]["methods"] == ["mfcc_statistics"]
    assert "runs/conflictnet_baseline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--methods=is13"], "needs openSMILE, which is not installed"),
        (["--methods=action_units"], "the corpus 'sspnet_conflict' has no action units"),
        (["more"], "'more' is not a flag"),
    ],
)
def test_refuses(main, arguments, said):
    with pytest.raises(UserError, match=said):
        main("configs/conflictnet.py", "sspnet_conflict", *arguments)


def test_the_program_refuses_in_one_line(repo_root):
    command = [sys.executable, "-m", "launch.baselines", "--config=configs/fusion.py"]
    done = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        "error: the corpus 'iemocap' of configs/fusion.py:baseline is not one of"
    )
