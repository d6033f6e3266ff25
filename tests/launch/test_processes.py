"""`python -m launch.main --distributed`: two processes of two devices each are one run."""

import dataclasses
import os
import socket
import time

import pytest

from affect_jax.errors import UserError
from affect_jax.experiment.results_file import read_results
from affect_jax.runtime import hosts
from configs import sew
from tests import small
from tests.launch.test_main import OVERRIDES

KEPT = [flag for flag in OVERRIDES if "engine.devices" not in flag and "epochs" not in flag]
PATIENCE = 5  # both trials are best after their first epoch: they are killed in their third, and end after six
ARGUMENTS = [
    *KEPT,
    "--config.engine.data=2",
    "--config.study.only=('unimodal_video_geometric',)",
    "--config.stages.fit.epochs=30",
    f"--config.stages.fit.patience={PATIENCE}",
]
TRIALS = 2  # one variant, two seeds


def start(fork, folder, arguments=ARGUMENTS):
    """Both processes, at work on `folder`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Two devices a process, and products computed as this process does.
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=2 --xla_cpu_multi_thread_eigen=true"
    words = ["launch.main", "--config=configs/sew.py", *arguments, f"--workdir={folder}"]
    return [
        fork(
            [*words, f"--distributed=127.0.0.1:{port},2,{number}"],
            folder.with_suffix(f".{number}.log"),
            environment={"XLA_FLAGS": flags},
        )
        for number in (0, 1)
    ]


def logs(folder):
    return "\n".join(folder.with_suffix(f".{n}.log").read_text()[-3000:] for n in (0, 1))


@pytest.mark.timeout(550)
def test_two_processes_give_the_results_of_one_also_after_one_was_killed(fork, tmp_path):
    folder = tmp_path / "two"
    processes = start(fork, folder)
    metrics, deadline = folder / "metrics.jsonl", time.monotonic() + 250
    while not (metrics.exists() and metrics.read_text().count("\n") > TRIALS):
        assert all(p.wait(0.01) is None for p in processes), logs(folder)
        assert time.monotonic() < deadline, logs(folder)
    processes[1].kill()
    if processes[0].wait(1) is None:  # it waits for the other one, until the heartbeat tells it
        processes[0].kill()
    assert not (folder / "results.json").exists()

    # It goes on with the corpus streamed, each process reading what its own trials need.
    processes = start(fork, folder, [*ARGUMENTS, "--config.engine.stream=True"])
    assert [p.wait(250) for p in processes] == [0, 0], logs(folder)
    assert "goes on after epoch" in folder.with_suffix(".0.log").read_text()
    assert "run folder" not in folder.with_suffix(".1.log").read_text()

    config = small.sew_config(tmp_path / "data", seeds=2, only=("unimodal_video_geometric",))
    config.stages.fit.epochs, config.stages.fit.patience = 30, PATIENCE
    config.engine.devices, config.engine.data = 4, 2
    one = small.run(config, tmp_path / "one", config_arg="configs/sew.py")
    two = read_results(folder)
    assert two == dataclasses.replace(one, provenance=two.provenance)
    lines = [(tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("one", "two")]
    assert sorted(lines[0]) == sorted(lines[1])


@pytest.mark.timeout(300)
def test_what_one_process_finds_wrong_all_of_them_say(fork, tmp_path):
    processes = start(fork, tmp_path / "wrong", [*ARGUMENTS, "--config.corpus.manual_dir=/nowhere"])
    assert [p.wait(250) for p in processes] == [2, 2]
    for number in (0, 1):
        assert "error: " in (tmp_path / f"wrong.{number}.log").read_text()


@pytest.mark.parametrize("how", ["10.0.0.1:8476", "10.0.0.1:8476,2,2", "10.0.0.1,2,0", "a:1,two,0"])
def test_addresses_that_are_none_are_refused(how):
    with pytest.raises(UserError, match=r"--distributed is .*HOST:PORT"):
        hosts.connect(how)


def test_alone_nothing_is_waited_for():
    assert hosts.is_leader()
    assert hosts.agree(True, False) == (True, False)
    assert hosts.run_in_turn(lambda: 3) == 3
    assert sew.get_config().engine.data == 1
