"""Run folders: files whole or not at all, and errors that say what to do."""

import errno
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.runtime import files, run_folder


def test_names_of_run_folders():
    assert run_folder.name_run_folder("configs/seqsew.py:mosi,video+text") == "seqsew_mosi_video_text"
    assert run_folder.name_run_folder("configs/sew.py") == "sew"


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    files.write_json(path, {"a": 1})

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_nan_never_gets_into_json(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "x.json", {"a": float("nan")})


def test_a_folder_of_something_else_is_not_taken(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match=r"holds 'thesis.tex' but no config.json"):
        run_folder.open_run_folder(tmp_path, {}, "x")


def test_lines_after_a_resumed_epoch_are_dropped_and_a_cut_line_too(tmp_path):
    lines = [dict(fit=f, stage="s", epoch=e, trial=0) for f, e in (("a", 1), ("a", 2), ("b", 1), ("b", 2))]
    lines.append(dict(part="b", stage="s", epoch=3, trial=0))  # as earlier versions wrote it
    run_folder.append_metrics(tmp_path, lines)
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"fit": "b", "sta')
    run_folder.rewind_metrics(tmp_path, "b", "s", 1)
    kept = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert kept == lines[:3]


def test_damaged_arrays_are_named(tmp_path):
    path = tmp_path / "predictions.npz"
    run_folder.write_arrays(path, {"a": np.arange(1000)})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"predictions.npz cannot be read"):
        run_folder.read_arrays(path)
    with pytest.raises(UserError, match="train with launch.main first"):
        run_folder.read_arrays(tmp_path / "none.npz")


def test_a_run_folder_is_held_by_one_process_and_free_once_it_is_killed(tmp_path, repo_root):
    program = f"""
import pathlib, time
from affect_jax.runtime import run_folder
with run_folder.lock_run_folder(pathlib.Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=repo_root, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with (
            pytest.raises(UserError, match=r"another process is at work on .*; wait until it ends"),
            run_folder.lock_run_folder(tmp_path),
        ):
            pass
        process.kill()
    with run_folder.lock_run_folder(tmp_path):
        run_folder.open_run_folder(tmp_path, {}, "x")  # the lock's own file is no stranger


def test_a_folder_of_something_else_gets_no_lock(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UserError, match="holds 'thesis.tex'"), run_folder.lock_run_folder(tmp_path):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_writers_publish_whole_files_of_their_own(tmp_path):
    """Each replaces the whole file; a fixed name for what is half written would have them write into one another's."""
    path = tmp_path / "x.json"
    program = f"""
import pathlib, sys
from affect_jax.runtime import files
for n in range(200):
    files.write_atomic(pathlib.Path({str(path)!r}), sys.argv[1].encode() * 50_000)
"""
    writers = [subprocess.Popen([sys.executable, "-c", program, letter]) for letter in "ab"]
    while any(writer.poll() is None for writer in writers):
        if path.exists():
            content = path.read_bytes()
            assert content in (b"a" * 50_000, b"b" * 50_000)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_a_long_name_is_written(tmp_path):
    path = tmp_path / ("п" * 120 + ".json")  # 245 bytes of the 255 that a file system takes
    files.write_json(path, 1)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_what_a_killed_writer_left_is_removed_under_the_lock(tmp_path):
    (tmp_path / ".results.json.1-ab.partial").write_bytes(b"half")
    with run_folder.lock_run_folder(tmp_path):
        assert [p.name for p in tmp_path.iterdir()] == [".lock"]


def leave_half_written(path):
    """Has a process die by SIGKILL while it writes `path`."""
    program = f"""
import os, pathlib, signal
from affect_jax.runtime import files
files.os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
files.write_atomic(pathlib.Path({str(path)!r}), b"never whole" * 100)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL


def test_the_next_writer_of_a_file_leaves_nothing_of_one_that_was_killed(tmp_path):
    """Also where no lock is held: in the folders of reports, exports and predictions."""
    path = tmp_path / "description.json"
    leave_half_written(path)
    leave_half_written(path)
    assert [p.name for p in tmp_path.iterdir()] != [path.name]
    files.write_atomic(path, b"whole")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {path.name: b"whole"}


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_lies_where_a_file_is_to_be_written_is_neither_followed_nor_waited_for(tmp_path, kind):
    path, stranger = tmp_path / "x.json", tmp_path / "stranger"
    stranger.write_text("mine")
    hidden = tmp_path / f".x.json{files.PARTIAL}"
    make = {"link": lambda: hidden.symlink_to(stranger), "pipe": lambda: os.mkfifo(hidden), "folder": hidden.mkdir}
    make[kind]()
    files.write_atomic(path, b"whole")
    assert (path.read_bytes(), path.is_symlink(), stranger.read_text()) == (b"whole", False, "mine")


def test_names_that_begin_alike_are_written_together(tmp_path):
    contents = {tmp_path / ("a" * 240 + end): end.encode() for end in "xyz"}
    files.write_together(contents)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == contents


def test_files_are_written_where_there_are_no_locks(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    files.write_atomic(tmp_path / "x", b"whole")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"x": b"whole"}
