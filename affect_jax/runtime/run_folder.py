"""The run folder: what a run leaves behind, written whole or not at all, and read back with clear errors.

runs/<name>/
  config.json          the resolved config and the argument that made it
  metrics.jsonl        one line an epoch a trial
  checkpoints/         unfinished fits, to go on from; finished ones until the run is over
  weights/<study>/     orbax: every trial's kept weights and standardisation
  predictions.npz      see `predictions`
  results.json         every metric a trial, means, baselines, provenance
"""

import contextlib
import importlib.metadata
import io
import json
import platform
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.errors import UserError
from affect_jax.runtime.files import (
    check_ordinary,
    lock_file,
    read_config_document,
    remove_partial_files,
    write_atomic,
    write_json,
)

_TRAINED = ("results.json", "predictions.npz", "metrics.jsonl", "weights", "checkpoints", "ranking")
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "tensorflow-datasets", "scikit-learn")


def name_run_folder(config_arg: str, manifest: str = "") -> str:
    """`configs/seqsew.py:mosi,video+text` -> `seqsew_mosi_video_text`: the default name of its run folder.

    On one's own corpus the name of the csv file stands behind it.
    """
    path, _, argument = config_arg.partition(":")
    return re.sub(r"[^0-9A-Za-z]+", "_", f"{Path(path).stem} {argument} {Path(manifest).stem}".strip()).strip("_")


def name_fit(study: str, phase: str, batch: int) -> str:
    """Name of the fit of one batch of trials within a run: in metrics.jsonl, in TensorBoard and under checkpoints/."""
    return f"{study}-{phase}-{batch:03d}".replace("/", "_")


def locate_weights(workdir: Path, study: str) -> Path:
    """Where the kept weights of a study lie, one checkpoint a batch of trials."""
    return workdir / "weights" / study.replace("/", "_")


def _make(workdir: Path) -> None:
    """Makes the folder; UserError where it is a file, cannot be made, or holds something else than a run."""
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"--workdir {workdir} is a file; give a folder")
    try:
        workdir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--workdir {workdir} cannot be made ({error.strerror}); give a folder that you may write"
        ) from error
    # The run of a ranking comes before the config that it is for.
    strangers = sorted(p.name for p in workdir.iterdir() if not p.name.startswith(".") and p.name != "ranking")
    if strangers and not (workdir / "config.json").exists():
        if (workdir / "results.json").exists() or (workdir / "weights").exists():
            raise UserError(
                f"--workdir {workdir} holds a run without its config.json, which says what was trained; restore that "
                "file to go on with the run, or delete the folder to train anew in it, or give another --workdir"
            )
        raise UserError(f"--workdir {workdir} holds {strangers[0]!r} but no config.json; give a new or empty folder")


@contextlib.contextmanager
def lock_run_folder(workdir: Path) -> Iterator[None]:
    """Keeps the run folder, made where it is not there, for this process alone; who only reads need not ask.

    Raises:
      UserError: another process has it, or it cannot be a run folder.
    """
    _make(workdir)
    refusal = f"another process is at work on {workdir}; wait until it ends, or give another --workdir"
    with lock_file(workdir / ".lock", refusal):
        remove_partial_files(workdir)
        yield


def open_run_folder(workdir: Path, config: Mapping[str, Any], config_arg: str, remarks: Iterable[str] = ()) -> None:
    """Makes the folder for this config, or checks that it was made for the same (`engine` may differ: it says how
    to run, not what). A folder in which nothing was trained yet is taken over.

    Args:
      workdir: the run folder.
      config: as it is run.
      config_arg: the file that it is of, with its argument.
      remarks: what was changed of it to fit the corpus; for people.

    Raises:
      UserError: it belongs to another config (the difference is shown), or is a file.
    """
    _make(workdir)
    mine = {"config_arg": config_arg, "config": json.loads(json.dumps(config)), "remarks": list(remarks)}
    path = workdir / "config.json"
    if not path.exists() or not has_training(workdir):
        write_json(path, mine)
        return
    theirs = read_config_document(path)
    compared = [{k: v for k, v in x["config"].items() if k != "engine"} for x in (theirs, mine)]
    if compared[0] != compared[1]:
        origin = theirs.get("config_arg", "an unknown config")
        raise UserError(
            f"{workdir} was made with another config, by {origin}; use another --workdir or the same values:\n"
            + "\n".join(_list_differences(*compared))
        )


def _list_differences(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> list[str]:
    """A line for each setting in which two plain configs differ: its dotted path and both values."""
    flat = [dict(_list_settings(config, "config")) for config in (theirs, mine)]
    texts = [{path: json.dumps(value) for path, value in one.items()} for one in flat]
    paths = [path for path in dict.fromkeys((*texts[0], *texts[1])) if texts[0].get(path) != texts[1].get(path)]
    return [
        f"  {path}: {texts[0].get(path, 'not there')} in the folder, {texts[1].get(path, 'not there')} now"
        for path in paths
    ]


def _list_settings(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything in nested tables."""
    if isinstance(value, Mapping) and value:
        for key, of_key in value.items():
            yield from _list_settings(of_key, f"{path}.{key}")
    else:
        yield path, value


def has_training(workdir: Path) -> bool:
    """Whether the folder holds anything that a run has learned; a config alone is nothing to lose."""
    return any((workdir / name).exists() for name in _TRAINED)


@contextlib.contextmanager
def leave_nothing_if_refused(workdir: Path) -> Iterator[None]:
    """Removes the folder again where it was made in here and a mistake of the user ends the run before any training."""
    is_new = not workdir.exists()
    try:
        yield
    except UserError:
        if is_new and workdir.is_dir() and not has_training(workdir):
            shutil.rmtree(workdir, ignore_errors=True)
        raise


def append_metrics(workdir: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Adds lines to metrics.jsonl."""
    with open(workdir / "metrics.jsonl", "a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def find_fit(line: Mapping[str, Any]) -> str:
    """Which fit a line of metrics.jsonl is of; earlier versions called it a part. KeyError where none is named."""
    return line["part"] if "part" in line else line["fit"]


def rewind_metrics(workdir: Path, fit: str, stage: str, epoch: int) -> None:
    """Drops the lines of a fit's stage after `epoch`: a resumed fit writes them again."""
    path = workdir / "metrics.jsonl"
    if not path.exists():
        return
    remaining = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
            is_stale = (find_fit(entry), entry["stage"]) == (fit, stage) and entry["epoch"] > epoch
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # a line that was cut when the process died
        if not is_stale:
            remaining.append(line)
    write_atomic(path, "".join(f"{line}\n" for line in remaining).encode())


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """A compressed npz, whole or not at all."""
    write_atomic(path, encode_npz(arrays))


def encode_npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A compressed npz."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def read_arrays(path: Path, prefix: str | tuple[str, ...] = "") -> dict[str, np.ndarray]:
    """Reads the arrays of an npz whose names begin with `prefix`, or one of several; pickled objects in it are refused.

    Raises:
      UserError: missing, no file, or damaged.
    """
    check_ordinary(path)
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name.startswith(prefix)}
    except FileNotFoundError:
        raise UserError(f"{path} is missing; train with launch.main first") from None
    except Exception as error:  # zipfile, zlib and numpy raise many types for a damaged file
        raise UserError(f"{path} cannot be read ({type(error).__name__}: {error}); train that run again") from error


def split_command(command: str) -> list[str]:
    """The words of a command as `shlex.join` writes it, the program first; of older runs, which did not quote, those
    between blanks."""
    try:
        return shlex.split(command) or [""]
    except ValueError:  # a quotation that does not end
        return command.split()


def describe_provenance(command: str) -> dict[str, Any]:
    """Where numbers come from: git revision (with `+` where files differ), package versions, Python, command."""
    root = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        try:
            done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return ""
        return done.stdout.strip()

    revision = git("rev-parse", "HEAD")
    return {
        "git": revision + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
        if revision
        else "unknown",
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "command": command,
    }
