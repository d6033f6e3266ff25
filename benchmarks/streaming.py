"""Training with the corpus on the device against the same training with the corpus streamed from its files.

python -m benchmarks.streaming            # about 6 minutes on two cores, 400 MB of disk for the time being
python -m benchmarks.streaming --quick    # a tenth of the corpus, prints only
python -m benchmarks.streaming --only=mean-1

The corpus is noise: 840 clips of 30 s at 8 kHz in int16, 403 MB in array_record files. `mean` is a model of next to
nothing (loudness in tenths of a second, one dense layer), so that reading is all there is to wait for; ConflictNET is
the model that such a corpus is for. Every side has a process of its own. Files are in the system's page cache.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import machine, today

FOLDER = Path(__file__).parent / "results" / "streaming"
CLIPS, SECONDS, BATCH = 840, 30, 16
MEGABYTES = 16.0
SIDES = ("resident", "streamed")


class Case(NamedTuple):
    """A study.

    Attributes:
      title: in the table.
      model: `mean` or `conflictnet`.
      train: clips to train on, of all.
      rows: seeds; each has an order of its own, so each reads on its own.
      epochs: timed, after one that is not.
    """

    title: str
    model: str
    train: int
    rows: int
    epochs: int


CASES = {
    "mean-1": Case("next to no model, all clips", "mean", CLIPS - BATCH, 1, 5),
    "mean-4": Case("next to no model, all clips, 4 rows of 4 seeds", "mean", CLIPS - BATCH, 4, 3),
    "conflictnet": Case("ConflictNET, 64 of the clips", "conflictnet", 64, 1, 2),
}


def serve(name: str, side: str, folder: Path, clips: int) -> dict[str, Any]:
    """Trains one case in this process."""
    from affect_jax import startup

    startup.use_all_cores()
    startup.cache_compilations()
    import jax

    from affect_jax.data import corpus as corpora
    from affect_jax.data import folds as folding
    from affect_jax.data import streaming
    from affect_jax.datasets import building
    from affect_jax.training import mesh, stage, study
    from affect_jax.training.rows import grid
    from affect_jax.training.streamed import Streamed
    from benchmarks import noise
    from benchmarks.jax_side import device_memory
    from benchmarks.worker import peak_bytes

    case, streamed = CASES[name], side == "streamed"
    model, config = _model(case.model)
    staged, traced = stage.parse("fit", config, "regression"), stage.defaults("fit", config)
    jax.block_until_ready(jax.jit(lambda x: x + 1)(0.0))
    before = peak_bytes(device_memory)
    if streamed:
        with building.features_left():
            recordings = noise.load(folder, clips, SECONDS)
    else:
        recordings = noise.load(folder, clips, SECONDS)
    settings = dict(modalities=("speech",), target="level", unit="item")
    corpus, index = corpora.build(recordings, **settings, resident=not streamed)
    if streamed:
        corpus = streaming.source(corpus, index, recordings)
    train = min(case.train, clips - BATCH)
    split = folding.Split("noise", index.recordings[:train], index.recordings[-BATCH:])
    folds = folding.build(corpus, index, [split], {"speech": False})
    del recordings
    made: list[Streamed] = []
    study.Streamed = lambda *rest: made.append(Streamed(*rest)) or made[-1]  # to ask it how long it waited
    ended, waited = [], []

    def heard(_: study.Progress) -> None:
        ended.append(time.perf_counter())
        waited.append(made[0].waited if made else 0.0)

    study.fit(
        model,
        [staged._replace(epochs=case.epochs + 1, patience=0)],
        "regression",
        corpus,
        folds,
        grid({"noise": {}}, {}, traced, 1, range(case.rows)),
        study.Engine(mesh.make(), mesh.rows_at_once(0), BATCH, 1e9, MEGABYTES),
        listener=study.Listener(heard, lambda *_: None),
    )
    return {
        "kind": jax.devices()[0].device_kind,
        "clips": case.rows * (train + BATCH),
        "seconds": [b - a for a, b in zip(ended, ended[1:], strict=False)],
        "waited": [b - a for a, b in zip(waited, waited[1:], strict=False)],
        "before": before,
        "peak": peak_bytes(device_memory),
    }


def _model(name: str) -> tuple[Any, dict[str, Any]]:
    """(model, its stage's config)."""
    import flax.linen as nn
    import jax.numpy as jnp

    from affect_jax.training import studies
    from configs import conflictnet

    class Mean(nn.Module):
        """Loudness of every tenth of a second, and a dense layer."""

        @nn.compact
        def __call__(self, inputs: Any, masks: Any, *, train: bool, dropout: Any = 0.0, frozen: Any = ()) -> Any:
            x_BxTx1 = inputs["speech"]
            loud_BxL = jnp.abs(x_BxTx1.reshape(len(x_BxTx1), -1, 800)).mean(-1)
            return {"prediction": nn.Dense(1, name="head")(loud_BxL)[..., 0]}

    config = conflictnet.get_config()
    chosen = config.stages.fit.to_dict() | dict(batch=BATCH, train=("*",))
    if name == "mean":
        return Mean(), chosen
    return next(s for s in studies.parse(config) if s.name == "conflictnet").model, chosen


def table(found: dict[str, Any], note: str) -> str:
    """The page of a machine."""
    lines = [
        "# Streaming against a corpus on the device",
        "",
        note,
        "",
        "| what is trained | clips/s resident | streamed | share | MB/s streamed | of an epoch waits for the host "
        "| memory resident | streamed | load average before |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in found.values():
        sides = [case[side] for side in SIDES]
        rates = [one["clips"] / statistics.median(one["seconds"]) for one in sides]
        waits = sum(sides[1]["waited"]) / sum(sides[1]["seconds"])
        memory = [f"{(one['peak'] - one['before']) / 1e6:.0f} MB" for one in sides]
        flow = rates[1] * SECONDS * 16000 / 1e6
        lines.append(
            f"| {case['title']} | {rates[0]:.1f} | {rates[1]:.1f} | {rates[1] / rates[0]:.0%} | {flow:.0f} "
            f"| {waits:.0%} | {memory[0]} | {memory[1]} | {case['load']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def measure(only: str, quick: bool) -> None:
    """Times every case, or the one named, and writes the page; with `quick` prints only."""
    clips = CLIPS // 10 if quick else CLIPS
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="affect_jax_streaming_") as folder:
        for name, case in CASES.items():
            if only not in ("", name):
                continue
            load = os.getloadavg()[0]
            found[name] = {"title": case.title, "load": load}
            for side in SIDES:
                ask = [sys.executable, "-m", "benchmarks.streaming", "--serve", name, side, folder, str(clips)]
                printed = subprocess.run(ask, check=True, stdout=subprocess.PIPE, text=True).stdout
                found[name][side] = json.loads(printed.splitlines()[-1])
    where = machine(found[next(iter(found))]["resident"]["kind"])
    note = (
        f"`python -m benchmarks.streaming`{' --quick' if quick else ''} on {where.device}, {today()}: "
        f"{clips} clips of noise, {clips * SECONDS * 16000 / 1e6:.0f} MB (synthetic: only "
        f"times mean anything), batches of {BATCH}, chunks of {MEGABYTES:.0f} MB, of which a device has two. Memory is "
        "what the process held at most beyond what it held before it read the corpus; in it are the model's own needs."
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
    parser.add_argument("--quick", action="store_true", help="a tenth of the corpus; writes nothing")
    parser.add_argument("--serve", nargs=4, metavar=("CASE", "SIDE", "FOLDER", "CLIPS"), help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.serve:
        name, side, folder, clips = flags.serve
        print(json.dumps(serve(name, side, Path(folder), int(clips))))
    else:
        measure(flags.only, flags.quick)
