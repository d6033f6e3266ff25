import csv
from functools import partial
from pathlib import Path

import ml_collections
import pytest
from absl import flags

from affect_jax.errors import UserError
from affect_jax.evaluation.read import Run
from affect_jax.experiment import run as experiment_run
from affect_jax.experiment.results_file import VariantSummary, write_results
from affect_jax.reports import missing, sources
from affect_jax.reports import report_files as run_report
from affect_jax.reports.thesis import GROUPS, TABLES
from affect_jax.reports.thesis_tables import list_needed
from affect_jax.runtime.run_folder import name_run_folder
from launch import changes, report
from tests.launch.starting import call_program
from tests.run_results import make_corpus, make_results, make_trial


def make_folder(folder, config_arg, study, variant, synthetic=True):
    """A finished run of one variant with two trials."""
    folder.mkdir(parents=True)
    trials = [
        make_trial(study=study, variant=variant, fold="draw_0", seed=seed, test={"accuracy": 0.5 + seed / 10})
        for seed in range(2)
    ]
    results = make_results(
        *trials,
        metric="accuracy",
        name=folder.name,
        config_arg=config_arg,
        task="binary",
        corpus=make_corpus(name="cmu_mosi", form="poria", synthetic=synthetic),
        variants=(VariantSummary(study, variant, "test", "accuracy", 0.55, 0.07, 2, {}),),
        baselines={"test": {"accuracy": 0.6}},
    )
    write_results(folder, results)


@pytest.fixture
def runs(tmp_path):
    config = "configs/seqsew.py:mosi,video+text"
    make_folder(tmp_path / "runs" / name_run_folder(config), config, "teachers", "SeqSEW")
    return tmp_path / "runs"


program = partial(call_program, "report")


@pytest.fixture
def in_process(monkeypatch):
    """Runs main with flags of its own; returns what it passed to `experiment.run`."""

    def call(*arguments, make=None):
        calls = []

        def run(config, workdir, *, config_arg):
            calls.append((config_arg, workdir, config))
            if make is not None:
                make(config_arg, workdir)

        values = flags.FlagValues()
        report.define_flags(values)
        argv = values(["report", *map(str, arguments)])
        monkeypatch.setattr(report, "FLAGS", values)
        monkeypatch.setattr(experiment_run, "run_experiment", run)
        report.main(argv)
        return calls

    return call


def test_the_program_prints_and_writes(runs, tmp_path):
    done = program("--tables=5.4,5.6", f"--runs={runs}", f"--out={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert "| SeqSEW (+text) (synthetic) | 63.4 | 55.0 ± 7.0 (n=2; majority 60.0; synthetic) |" in done.stdout
    assert "Did co-learning help here?" in done.stdout
    names = {f"{stem}.{end}" for stem in ("table_5_4", "table_5_6", "cotraining") for end in ("md", "csv", "tex")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    for path in (tmp_path / "out").iterdir():
        text = path.read_text(encoding="utf-8")
        assert f"python -m launch.report --tables=5.4,5.6 --runs={runs} --out=" in text.splitlines()[-1]
    lines = (tmp_path / "out" / "table_5_6.csv").read_text(encoding="utf-8").splitlines()
    trials = list(csv.DictReader(line for line in lines if not line.startswith("# ")))
    assert sum(trial["status"] == "run (synthetic)" for trial in trials) == 1


def test_the_program_refuses_in_one_line(runs):
    (runs / "seqsew_mosi_video_text" / "results.json").write_text("{")
    done = program("--tables=mosi", f"--runs={runs}")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "results.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_results_of_another_schema_are_refused_with_the_command_that_makes_them_anew(runs):
    path = runs / "seqsew_mosi_video_text" / "results.json"
    path.write_text(path.read_text().replace('"schema": 2', '"schema": 1'))
    for arguments in (["--tables=5.6", f"--runs={runs}"], [path.parent]):
        done = program(*arguments)
        assert done.returncode == 2
        said = done.stderr.splitlines()[-1]
        assert said.startswith(
            f"error: {path} has schema 1, and this version reads schema 2; make it anew in another folder"
        )
        assert "python -m launch.main --config=configs/seqsew.py:mosi,video+text --workdir=" in said


def test_run_folders_are_compared(in_process, runs, capsys):
    folder = runs / "seqsew_mosi_video_text"
    in_process(folder)
    printed = capsys.readouterr()
    assert "seqsew\\_mosi\\_video\\_text (synthetic) | teachers | SeqSEW | test | 2 | 55.0 ± 7.0 |" in printed.out
    assert "metrics.jsonl is missing, so no curves" in printed.err
    assert "| cmu\\_mosi (synthetic) |  | majority of the scored part | test |  | 60.0 |" in printed.out
    assert f"wrote {folder / 'report' / 'index.html'}" in printed.err, "one run has its report in its folder"
    assert (
        f"note: {folder / 'predictions.npz'} is missing, and what is made of it is left out; to make it" in printed.err
    )
    assert {path.name for path in (folder / "report").iterdir()} == {
        "index.html",
        *(f"comparison.{end}" for end in ("md", "csv", "tex")),
    }


def test_two_variants_are_compared(in_process, runs, tmp_path, capsys):
    config = "configs/seqsew_unimodal.py:mosi"
    make_folder(runs / name_run_folder(config), config, "video/bigru+te", "BiGRU+TE+Classifier")
    both = (runs / "seqsew_mosi_video_text", runs / "seqsew_unimodal_mosi")
    in_process(*both, "--compare=SeqSEW vs BiGRU+TE+Classifier", f"--out={tmp_path / 'out'}")
    assert "| SeqSEW vs BiGRU+TE+Classifier (synthetic) | accuracy (WA; the thesis' UWA) |" in capsys.readouterr().out
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {"comparison", "significance", "index"}
    in_process(*both, "--compare=SeqSEW vs BiGRU+TE+Classifier", "--margin=2", f"--out={tmp_path / 'margin'}")
    assert "not shown to be within 2 points" in capsys.readouterr().out, "nothing is known of other videos"
    in_process(*both, "--reference=BiGRU+TE+Classifier", "--expect=thesis")
    assert "against BiGRU+TE+Classifier (synthetic): p, Holm" in (runs / "report" / "comparison.md").read_text()
    with pytest.raises(UserError, match="--compare='SeqSEW' is not two names"):
        in_process(*both, "--compare=SeqSEW")
    with pytest.raises(UserError, match="kept no predictions of teachers"):
        in_process(*both, "--confusion=SeqSEW")
    with pytest.raises(UserError, match=r"--metric=acuracy: .*did you mean 'accuracy'"):
        in_process(*both, "--metric=acuracy")


def test_without_a_release_the_small_runs_are_trained(in_process, tmp_path):
    calls = in_process("--tables=4.5", f"--runs={tmp_path / 'here'}", "--train", "--set=study.seeds=2")
    assert [(call[0], call[1]) for call in calls] == [
        (f"configs/fusion.py:{name}", str(tmp_path / "here" / f"fusion_{name}")) for name in ("trimodal", "moddrop")
    ]
    calls = in_process("--tables=4.5", f"--runs={tmp_path / 'here'}", "--train", "--manual_dir=/data")
    assert [call[0] for call in calls] == [f"configs/fusion.py:{name},iemocap" for name in ("trimodal", "moddrop")]
    assert {call[2].corpus.settings["manual_dir"] for call in calls} == {"/data"}


def test_trained_runs_of_chapter_4_are_tested_with_modalities_missing(monkeypatch):
    asked = []
    monkeypatch.setattr(
        missing,
        "score_and_write",
        lambda run, out, command, also=(): asked.append((run, out, list(also))) or "table",
    )
    of = {name: Run(Path(name), make_results(), {}) for name in ("whole", "moddrop", "fewer")}
    configs = {name: f"configs/fusion.py:{name},iemocap" for name in ("trimodal", "moddrop", "modalities")}
    runs = dict(zip(configs.values(), of.values(), strict=True))
    assert run_report.report_missing(runs, Path("out"), "") == "table"
    moddrop, fewer = Path("moddrop"), Path("fewer")
    assert asked == [(moddrop, moddrop / "missing", []), (Path("whole"), Path("out"), [moddrop, fewer])]
    assert run_report.report_missing({**runs, configs["trimodal"]: None}, Path("out"), "") == ""
    asked.clear()
    run_report.report_missing(dict.fromkeys(configs.values(), of["whole"]), Path("out"), "")
    assert asked == [(Path("whole"), Path("out"), [])]  # one folder holds all studies


def test_tables_go_beside_the_runs(in_process, runs):
    in_process("--tables=5.6", f"--runs={runs}")
    assert (runs / "report" / "table_5_6.md").is_file()


def test_missing_runs_are_trained_with_what_the_flags_set(in_process, runs, tmp_path):
    def make(config_arg, workdir):
        make_folder(tmp_path / "runs" / name_run_folder(config_arg), config_arg, "teachers", "SeqSEW", synthetic=False)

    arguments = ("--tables=mosi", f"--runs={runs}", "--train", "--manual_dir=/data", "--data_dir=/built")
    calls = in_process(*arguments, "--set=study.seeds=2", make=make)
    zoo = [
        f"configs/zoo.py:colearning,cmu_mosi_{m},{n}" for n in ("seq2seq2sentiment", "hmtl") for m in ("video", "audio")
    ]
    needed = ["configs/seqsew_unimodal.py:mosi", "configs/unimodal_mosi.py", *zoo, "configs/seqsew.py:mosi,audio+text"]
    assert [call[0] for call in calls] == needed
    for config_arg, workdir, config in calls:
        assert workdir == str(runs / name_run_folder(config_arg))
        assert config.trials.seeds == 2
        assert (config.corpus.settings["manual_dir"], config.corpus.settings["data_dir"]) == ("/data", "/built")


@pytest.mark.parametrize(
    ("config_arg", "is_left_out"),
    [
        ("configs/difficulty.py:arousal,raters", True),
        ("configs/conflict_frames.py:overlap,sspnet_conflict", True),
        ("configs/conflict_frames.py:attention,sspnet_conflict", False),
    ],
)
def test_what_not_every_release_has_is_left_out(config_arg, is_left_out, monkeypatch, tmp_path, capsys):
    def refuse(*arguments, **named):
        raise UserError("a file is missing; copy it")

    monkeypatch.setattr(experiment_run, "run_experiment", refuse)
    if is_left_out:
        changes.make_run(config_arg, [], tmp_path)
        assert f"note: {config_arg} is left out: a file is missing; copy it" in capsys.readouterr().err
        return
    with pytest.raises(UserError, match="a file is missing"):
        changes.make_run(config_arg, [], tmp_path)


def test_every_config_of_the_tables_loads():
    for config_arg in list_needed(TABLES.values()):
        config = changes.load_config_file(config_arg)
        named = {"mosi": "cmu_mosi", "sspnet_conflict": "sspnet_conflict", "iemocap": "iemocap"}
        assert config.corpus.name == next((corpus for name, corpus in named.items() if name in config_arg), "recola")


def test_the_small_configs_of_chapter_4_have_the_same_studies():
    for config_arg in list_needed(TABLES[number] for number in GROUPS["fusion"]):
        small = sources.shrink_config(config_arg)
        assert small != config_arg
        assert changes.load_config_file(small).studies.keys() == changes.load_config_file(config_arg).studies.keys()


def test_a_change_goes_to_the_configs_that_have_its_key():
    both = ["configs/sew.py:arousal,geo+audio", "configs/seqsew.py:recola,arousal,geo+audio"]
    changes.check_keys(["stages.fit.epochs=1", "stages.student.epochs=1", "study.seeds=1"], both)
    with pytest.raises(UserError, match="has no 'stages.fitt.epochs'"):
        changes.check_keys(["stages.fitt.epochs=1"], both)


def test_the_configs_have_the_studies_and_variants_that_the_tables_read():
    for table in TABLES.values():
        for row in table.rows:
            for source in row.sources:
                if source is not None and sources.name_network(source.config) == source.config:
                    assert source.variant in changes.load_config_file(source.config).studies[source.study].variants, (
                        source
                    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no table was named"),
        (("--tables=5.10",), "no table '5.10'"),
        (("--tables=5.4", "--runs=/nowhere"), "--runs=/nowhere is not a folder"),
        (("--tables=5.4", "some_run"), "either --tables or run folders"),
        (("--tables=5.4", "--manual_dir=/data"), "--manual_dir only matters"),
        (("--tables=5.4", "--set=study.seeds=2"), "--set only matters"),
        (("--tables=5.4", "--compare=a vs b"), "--compare is for run folders"),
        (("--tables=5.4", "--confusion=a"), "--confusion is for run folders"),
        (("--tables=5.4", "--expect=thesis"), "--expect is for run folders"),
        (("--tables=5.4", "--margin=0"), "--margin is for run folders"),
        (("--tables=5.4", "--fold=fold_1"), "--fold only matters to confusion matrices"),
        (("some_run", "--fold=fold_1"), "--fold only matters to confusion matrices"),
        (("--tables=mosi,recola", "--train", "--manual_dir=/data"), "--manual_dir is of one corpus"),
        (("some_run",), "some_run has no results.json"),
    ],
)
def test_wrong_flags(in_process, runs, arguments, said):
    if "--tables=5.4" in arguments and "--runs=/nowhere" not in arguments:
        arguments = (*arguments, f"--runs={runs}")
    with pytest.raises(UserError, match=said):
        in_process(*arguments)


def make_config():
    return ml_collections.ConfigDict(
        {"name": "x", "study": {"seeds": 10, "folds": ("draw_0",)}, "rate": 0.1, "corpus": {"download": False}}
    )


@pytest.mark.parametrize(
    ("assignment", "read", "value"),
    [
        ("study.seeds=2", lambda c: c.study.seeds, 2),
        ("rate=1", lambda c: c.rate, 1.0),
        ("name=a=b", lambda c: c.name, "a=b"),
        ("corpus.download=true", lambda c: c.corpus.download, True),
        ("study.folds=['draw_1', 'draw_2']", lambda c: c.study.folds, ("draw_1", "draw_2")),
    ],
)
def test_override(assignment, read, value):
    config = make_config()
    changes.assign_keys(config, [assignment], "configs/x.py")
    assert read(config) == value


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("study.seeds", "has no value"),
        ("study.sedes=2", r"configs/x\.py has no 'study\.sedes' \(did you mean 'seeds'\?\); it has"),
        ("study.seeds.x=2", "has no 'study.seeds.x'"),
        ("study.seeds=many", "'many' is no int"),
        ("study.seeds=2.5", "study.seeds=2.5"),
        ("study=3", "study=3"),
    ],
)
def test_override_refuses(assignment, said):
    with pytest.raises(UserError, match=said):
        changes.assign_keys(make_config(), [assignment], "configs/x.py")


def test_run_folders_may_be_named_by_a_flag_as_everywhere(monkeypatch):
    asked = []
    monkeypatch.setattr("affect_jax.reports.report_files.report_runs", lambda folders, *_, **__: asked.append(folders))
    values = flags.FlagValues()
    report.define_flags(values)
    monkeypatch.setattr(report, "FLAGS", values)
    report.main(values(["report", "--run=runs/a", "--run=runs/b", "runs/c"]))
    assert asked == [["runs/a", "runs/b", "runs/c"]]
    values(["report", "--run=runs/a", "--tables=mosi"])
    with pytest.raises(UserError, match="give either --tables or run folders, not both"):
        report.main(["report"])
