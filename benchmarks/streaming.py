"""Training with the corpus on the device against the same training with the corpus streamed from its files.

python -m benchmarks.streaming            # about 4 minutes on two cores, 450 MB of disk for the time being
python -m benchmarks.streaming --quick    # a tenth of the corpora, prints only
python -m benchmarks.streaming --only=mean-1

The corpora are noise: 840 clips of 30 s at 8 kHz in int16, 403 MB in array_record files; and 18 recordings in RECOLA's
sizes, 7,501 frames of 88 float32 features, 48 MB, in windows of 75, whose chunks are as much smaller, so that an epoch
has as many. `mean` is a model of next to nothing (loudness in tenths of a second, one dense layer), so that reading is
all there is to wait for, and so is `dense`; ConflictNET is the model that the clips are for. Every side has a process
of its own: on the device, streamed as it is by default, and streamed without keeping anything in the host's memory.
Files are in the system's page cache.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import machine, today
from configs import base

FOLDER = Path(__file__).parent / "results" / "streaming"
BATCH = 16
SECONDS = 30
FRAMES, WIDTH, WINDOW = 7501, 88, 75
HOST = base.engine()["host_megabytes"]
SIDES = {"resident": None, "streamed": HOST, "uncached": 0.0}
"""Megabytes in the host's memory of each side that streams."""


class Material(NamedTuple):
    """What examples are.

    Attributes:
      modality: their only one.
      unit: as `config.data.unit` has it.
      window: frames of a window, and between two.
      recordings: how many.
      held: how many of them are validated on.
      megabytes: of a chunk.
      size: bytes of an example.
      whole: bytes of a recording.
    """

    modality: str
    unit: str
    window: int
    recordings: int
    held: int
    megabytes: float
    size: int
    whole: int


CLIPS = Material("speech", "item", 0, 840, BATCH, 16.0, SECONDS * 16000, SECONDS * 16000)
WINDOWS = Material("audio", "window", WINDOW, 18, 1, 2.0, WINDOW * WIDTH * 4, FRAMES * WIDTH * 4)


class Case(NamedTuple):
    """A study.

    Attributes:
      title: in the table.
      model: `mean`, `dense` or `conflictnet`.
      material: what it is trained on.
      train: recordings to train on, of all.
      trials: seeds; each has an order of its own, so each reads on its own.
      epochs: timed, after one that is not.
    """

    title: str
    model: str
    material: Material
    train: int
    trials: int
    epochs: int


CASES = {
    "mean-1": Case("next to no model, all clips", "mean", CLIPS, 824, 1, 5),
    "mean-4": Case("next to no model, all clips, 4 trials of 4 seeds", "mean", CLIPS, 824, 4, 3),
    "windows": Case("next to no model, windows of long recordings", "dense", WINDOWS, 17, 1, 5),
    "conflictnet": Case("ConflictNET, 64 of the clips", "conflictnet", CLIPS, 64, 1, 2),
}


def serve(name: str, side: str, folder: Path, quick: bool) -> dict[str, Any]:
    """Trains one case in this process."""
    from affect_jax.runtime import startup

    startup.use_all_cores()
    startup.cache_compilations()
    import jax

    from affect_jax.data import corpus as corpora
    from affect_jax.data import folds as folding
    from affect_jax.data import streaming
    from affect_jax.datasets import build
    from affect_jax.training import loop, mesh
    from affect_jax.training.streamed import StreamedEpochs
    from affect_jax.training.trials import plan_trials
    from benchmarks import noise
    from benchmarks.jax_side import device_memory
    from benchmarks.worker import peak_bytes

    case, host = CASES[name], SIDES[side]
    of, streamed = case.material, host is not None
    count = _recordings(of, quick)
    model, stage, hyper = _make_model(case.model)
    jax.block_until_ready(jax.jit(lambda x: x + 1)(0.0))
    before = peak_bytes(device_memory)
    with build.leave_features(host) if streamed else contextlib.nullcontext():
        if of is CLIPS:
            recordings = noise.clips(folder, count, SECONDS)
        else:
            recordings = noise.recordings(folder, count, FRAMES, WIDTH)
    settings = dict(modalities=(of.modality,), target="level", unit=of.unit, window=of.window, hop=of.window)
    corpus, index = corpora.build_corpus(recordings, **settings, resident=not streamed)
    if streamed:
        corpus = streaming.make_source(corpus, index, recordings)
    split = folding.FoldMembers(
        "noise", index.recordings[: min(case.train, count - of.held)], index.recordings[-of.held :]
    )
    folds = folding.build_folds(corpus, index, [split], {of.modality: of is WINDOWS})
    del recordings
    made: list[StreamedEpochs] = []
    loop.StreamedEpochs = lambda *rest: made.append(StreamedEpochs(*rest)) or made[-1]  # to ask it how long it waited
    ended, waited = [], []

    def heard(_: loop.Progress) -> None:
        ended.append(time.perf_counter())
        waited.append(made[0].waited if made else 0.0)

    loop.fit_study(
        model,
        [stage._replace(epochs=case.epochs + 1, patience=0)],
        "regression",
        corpus,
        folds,
        plan_trials({"noise": {}}, [{}], hyper, 1, range(case.trials)),
        loop.Engine(mesh.make_mesh(), mesh.choose_trials_at_once(0), BATCH, 1e9, of.megabytes),
        listener=loop.Listener(heard, lambda *_: None),
    )
    return {
        "kind": jax.devices()[0].device_kind,
        "clips": case.trials * int((folds.train >= 0).sum() + (folds.validation >= 0).sum()),
        "seconds": [b - a for a, b in zip(ended, ended[1:], strict=False)],
        "waited": [b - a for a, b in zip(waited, waited[1:], strict=False)],
        "before": before,
        "peak": peak_bytes(device_memory),
    }


def _recordings(of: Material, quick: bool) -> int:
    return max(of.recordings // 10, 2) if quick else of.recordings


def _make_model(name: str) -> tuple[Any, Any, Any]:
    """The model, its stage, and the hyper-parameters of that."""
    import flax.linen as nn
    import jax.numpy as jnp

    from affect_jax.config.models import make_model
    from benchmarks.jax_side import load_published

    class Mean(nn.Module):
        """Loudness of every tenth of a second, and a dense layer."""

        @nn.compact
        def __call__(self, inputs: Any, masks: Any, *, train: bool, dropout: Any = 0.0, frozen: Any = ()) -> Any:
            x_BxTx1 = inputs["speech"]
            loud_BxL = jnp.abs(x_BxTx1.reshape(len(x_BxTx1), -1, 800)).mean(-1)
            return {"prediction": nn.Dense(1, name="head")(loud_BxL)[..., 0]}

    class Dense(nn.Module):
        """A dense layer for every frame."""

        @nn.compact
        def __call__(self, inputs: Any, masks: Any, *, train: bool, dropout: Any = 0.0, frozen: Any = ()) -> Any:
            return {"prediction": nn.Dense(1, name="head")(inputs["audio"])[..., 0]}

    study = next(s for s in load_published("conflictnet", "synthetic").studies if s.name == "conflictnet")
    model = make_model(study.model) if name == "conflictnet" else {"mean": Mean, "dense": Dense}[name]()
    return model, study.stages[0]._replace(batch=BATCH, train=("*",)), study.hyper


def table(found: dict[str, Any], note: str) -> str:
    """The page of a machine."""
    heads = ["what is trained", "examples/s resident", "streamed", "share", "nothing kept", "share", "MB/s streamed"]
    heads += ["of an epoch waits for the host: streamed", "nothing kept"]
    heads += ["memory resident", "streamed", "nothing kept", "load average before"]
    lines = ["# Streaming against a corpus on the device", "", note, "", _line(heads), _line(["---"] * len(heads))]
    for case in found.values():
        sides = [case[side] for side in SIDES]
        rates = [one["clips"] / statistics.median(one["seconds"]) for one in sides]
        shares = [f"{rate / rates[0]:.0%}" for rate in rates]
        waits = [f"{sum(one['waited']) / sum(one['seconds']):.0%}" for one in sides[1:]]
        memory = [f"{(one['peak'] - one['before']) / 1e6:.0f} MB" for one in sides]
        flow = f"{rates[1] * case['size'] / 1e6:.0f}"
        said = [f"{rates[0]:.1f}", f"{rates[1]:.1f}", shares[1], f"{rates[2]:.1f}", shares[2], flow]
        lines.append(_line([case["title"], *said, *waits, *memory, f"{case['load']:.1f}"]))
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def measure(only: str, quick: bool) -> None:
    """Times every case, or the one named, and writes the page; with `quick` prints only."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="affect_jax_streaming_") as folder:
        for name, case in CASES.items():
            if only not in ("", name):
                continue
            load = os.getloadavg()[0]
            found[name] = {"title": case.title, "size": case.material.size, "load": load}
            for side in SIDES:
                ask = [sys.executable, "-m", "benchmarks.streaming", "--serve", name, side, folder]
                asked = [*ask, *["--quick"] * quick]
                printed = subprocess.run(asked, check=True, stdout=subprocess.PIPE, text=True).stdout
                found[name][side] = json.loads(printed.splitlines()[-1])
    where = machine(found[next(iter(found))]["resident"]["kind"])
    clips, recordings = (_recordings(of, quick) for of in (CLIPS, WINDOWS))
    sizes = [f"{n * of.whole / 1e6:.0f} MB" for n, of in ((clips, CLIPS), (recordings, WINDOWS))]
    chunk, window = (f"{of.megabytes:.0f} MB" for of in (CLIPS, WINDOWS))
    note = (
        f"`python -m benchmarks.streaming{' --quick' if quick else ''}` on {where.device}, {today()}: noise "
        f"(synthetic: only times mean anything), {clips} clips of {SECONDS} s, {sizes[0]}, and {recordings} "
        f"recordings of {FRAMES} frames, {sizes[1]}, in windows of {WINDOW}. Batches of {BATCH}; chunks of {chunk} of "
        f"clips and {window} of windows, of which a device has two. Streamed: up to {HOST:.0f} MB of recordings stay "
        "in the host's memory, as by default; nothing kept: none. Memory is what the process held at most beyond "
        "what it held before it read the corpus; in it are the model's own needs."
    )
    print(table(found, note))
    if quick:
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    record = FOLDER / f"{where.file}.json"
    kept = json.loads(record.read_text(encoding="utf-8"))["cases"] if record.exists() else {}
    cases = {name: {**kept, **found}[name] for name in CASES if name in {**kept, **found}}
    record.write_text(json.dumps({"note": note, "cases": cases}, indent=1) + "\n", encoding="utf-8")
    record.with_suffix(".md").write_text(table(cases, note), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", choices=["", *CASES], help="this one alone")
    parser.add_argument("--quick", action="store_true", help="a tenth of the corpora; writes nothing")
    parser.add_argument("--serve", nargs=3, metavar=("CASE", "SIDE", "FOLDER"), help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.serve:
        name, side, folder = flags.serve
        print(json.dumps(serve(name, side, Path(folder), flags.quick)))
    else:
        measure(flags.only, flags.quick)
