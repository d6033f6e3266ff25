"""`python -m launch.main` as users start it: killed, resumed, misspelt."""

import json
import os
import re
import signal
import sys
import time

import pytest

from launch import main
from tests import small
from tests.launch.starting import starter

OVERRIDES = [
    "--config.corpus.synthetic={'recordings': 2, 'frames': 30, 'seed': 0, "
    "'audio': 4, 'video_geometric': 5, 'video_appearance': 3}",
    "--config.model.weaker_layers=(4, 3)",
    "--config.model.stronger_layers=((3,),)",
    "--config.model.stronger_decoder_layers=((3, 4),)",
    "--config.model.regressor_width=3",
    "--config.model.regressor_layers=1",
    "--config.stages.fit.losses.alignment_audio.k=2",
    "--config.stages.fit.epochs=4",
    "--config.stages.fit.optimizer.learning_rate=0.001",
    "--config.study.seeds=2",
    "--config.engine.checkpoint_seconds=0.0",
    "--config.engine.devices=1",
]


@pytest.fixture
def overrides():
    """The flags of `small.sew_config`."""
    assert small.FEATURES == dict(audio=4, video_geometric=5, video_appearance=3)
    return OVERRIDES


def begin(fork, arguments, folder, count, log):
    """The program once it has written more than `count` lines of metrics."""
    process = fork(["launch.main", *arguments, f"--workdir={folder}"], log)
    deadline = time.monotonic() + 100
    lines = folder / "metrics.jsonl"
    while not (lines.exists() and lines.read_text().count("\n") > count):
        assert process.wait(0.01) is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
    return process


@pytest.mark.timeout(300)
def test_kill_in_mid_study_and_resume_gives_the_same_results(fork, tmp_path, overrides):
    only = "--config.study.only=('unimodal_video_geometric', 'unimodal_audio')"
    config, log = ["--config=configs/sew.py", *overrides, only], tmp_path / "log"
    whole = fork(["launch.main", *config, f"--workdir={tmp_path / 'whole'}"], log)
    assert whole.wait(110) == 0, log.read_text()
    assert "synthetic" in log.read_text()
    assert "unimodal audio" in log.read_text()

    killed = tmp_path / "killed"
    begin(fork, config, killed, 2, log).kill()  # after the second epoch of the first study, of 2 trials
    assert not (killed / "results.json").exists()

    # A signal that can be caught: nothing of the epoch is lost, however seldom checkpoints are due.
    count = (killed / "metrics.jsonl").read_text().count("\n")
    seldom = "--config.engine.checkpoint_seconds=1000.0"
    process = begin(fork, [*config, seldom], killed, count, tmp_path / "stopped")
    os.kill(process.pid, signal.SIGTERM)
    status, said = process.wait(110), (tmp_path / "stopped").read_text()
    assert status == 128 + signal.SIGTERM, said
    assert re.search(
        r"SIGTERM: this epoch ends.*\n(.*\n)*.*stopped after epoch \d and saved in .*goes on from there", said
    )
    assert "Traceback" not in said

    resumed = fork(["launch.main", *config, f"--workdir={killed}"], log)
    assert resumed.wait(110) == 0, log.read_text()
    a, b = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("whole", "killed"))
    for results in (a, b):
        # They name the work folder, and the commit, which may change under a test.
        del results["provenance"], results["sha256"]
    assert a == b
    counts = [(tmp_path / name / "metrics.jsonl").read_text().count("\n") for name in ("whole", "killed")]
    assert counts[0] == counts[1]  # no epoch is written down twice


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config=configs/sew.py", "--config.stages.fit.optimizer.learning_rat=1"], "did you mean.*learning_rate"),
        (["--config=configs/sew.py", "--config.engine.rows_at_once=2"], "it is now engine.trials_at_once"),
        (["--config=configs/sew.py", "--config.stages.fit.losses.alignment.weight=0"], "as in alignment_audio"),
        (["--config=configs/sew.py", "--config.nothing.there=0"], "no setting 'nothing.there'"),
        (["--config=configs/sew.py", "--config.stages.fit.batch=0", "--config.stages.fit.dropout=2"], "has 2 problems"),
        (["--config=configs/sew.py:arousal,geo+text"], "choose one of arousal,geo"),
        (["--config=configs/nothing.py"], "configs/nothing.py"),
        (["--config=configs/sew.py", "--config.corpus.manual_dir=/nowhere"], "/nowhere"),
        ([], "--config"),
    ],
)
def test_mistakes_are_one_clear_line(fork, tmp_path, arguments, message):
    out, errors = tmp_path / "out", tmp_path / "errors"
    status = fork(["launch.main", *arguments, f"--workdir={tmp_path / 'run'}"], out, errors).wait(110)
    told = errors.read_text()
    assert status not in (0, None), told
    assert "Traceback" not in told
    assert re.search(message, told, re.IGNORECASE), told


def test_a_workdir_that_cannot_be_made_is_one_clear_line(fork, tmp_path):
    file, log = tmp_path / "file", tmp_path / "log"
    file.write_text("")
    assert fork(["launch.main", "--config=configs/sew.py", f"--workdir={file}"], log).wait(110) == 2
    assert "is a file" in log.read_text()
    assert fork(["launch.main", "--config=configs/sew.py", "--workdir=/proc/nothing/here"], log).wait(110) == 2
    assert "Traceback" not in log.read_text()


@pytest.fixture
def in_process(monkeypatch, repo_root):
    """The program in this process, at the root, from which configs are named."""
    monkeypatch.chdir(repo_root)
    start_main = starter(main, monkeypatch)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["main", *arguments])  # where overrides of a config are looked for
        start_main(*arguments)

    return call


# Of ml_collections, which loads a config file in an old way.
@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_what_would_run_is_printed_with_its_sizes_and_nothing_is_trained(in_process, overrides, tmp_path, capsys):
    folder = tmp_path / "run"
    in_process(
        "--config=configs/sew.py",
        *(flag for flag in overrides if "learning_rate" not in flag),
        f"--config.corpus.data_dir={tmp_path / 'data'}",
        f"--workdir={folder}",
        "--print_config",
    )
    printed = capsys.readouterr().out
    assert "config.stages.fit.epochs = 4\n" in printed  # a flag says more than what a synthetic corpus asks for
    assert "config.stages.fit.optimizer.learning_rate = 0.02\n" in printed
    assert "# for the small synthetic corpus: stages.fit.optimizer.learning_rate 0.02 (instead of 0.001)" in printed
    assert "model of teachers:" in printed
    assert "model of unimodal_audio:" in printed
    assert not folder.exists()


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_of_a_config_that_ranks_first_the_ranking_is_printed(in_process, tmp_path, capsys):
    corpus = "--config.corpus.synthetic={'train_videos': 12, 'test_videos': 2, 'text': 3, 'audio': 4, 'video': 5}"
    data = f"--config.corpus.data_dir={tmp_path}"
    in_process("--config=configs/seqsew.py:auto", corpus, data, f"--workdir={tmp_path / 'run'}", "--print_config")
    printed = capsys.readouterr().out
    assert "config.name = 'Modality ranking mosi'" in printed
    assert "config.model.latent = 16" in printed
    assert not (tmp_path / "run").exists()
