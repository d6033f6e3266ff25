"""A part of a manifest's recordings, for several machines that share a folder: each computes its own, one builds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from affect_jax.datasets import release_files
from affect_jax.datasets.manifest import csv_table, frame_files, locations, measurements, recording_pool
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.reader import check_settings, choose_reading
from affect_jax.features import egemaps
from affect_jax.features.segments import Segment
from affect_jax.runtime.progress import Work


def compute_shard(corpus: Mapping[str, Any], shard: int, shards: int) -> str:
    """Computes the features of every `shards`-th recording, from number `shard` on, and keeps them below data_dir.

    Args:
      corpus: `config.corpus`, see `Settings`.
      shard: from 1 to `shards`.
      shards: how many there are.

    Returns:
      A line that says what was done.

    Raises:
      UserError: a wrong setting, or something wrong with the csv file or with recordings of this shard, of which all
        others are computed.
    """
    settings = check_settings(corpus)
    reading, path = choose_reading(settings), Path(settings.manifest).expanduser()
    data_dir, problems = release_files.resolve_data_dir(settings.data_dir), Problems(path)
    sheet = csv_table.read_table(path, settings.modalities or (), problems, settings.largest_file)
    sheet = locations.locate_files(sheet, locations.FileFinder(path.parent), problems)
    jobs: dict[Path, dict[Segment, int]] = {}
    for row in sheet.rows:
        for file in row.files.values():
            if frame_files.is_sound(file):
                jobs.setdefault(file, {}).setdefault(row.segment, row.number)
    if settings.sound == "egemaps" and jobs:
        egemaps.check_opensmile()
    own = {file: jobs[file] for file in list(jobs)[shard - 1 :: shards]}
    with Work() as work, recording_pool.open_pool(list(own), reading, data_dir, work.say) as measure_sound:
        results = measurements.measure_files({f: list(rows) for f, rows in own.items()}, {}, reading, measure_sound)
        for count, (rows, result) in enumerate(zip(own.values(), results, strict=True), start=1):
            faults = {min(rows.values()): result} if isinstance(result, str) else {}
            if not isinstance(result, str):
                faults = {n: cell for n, cell in zip(rows.values(), result[1], strict=True) if isinstance(cell, str)}
            for number, fault in faults.items():
                problems.add(number, fault)
            work.progress("recordings", count, len(own))
    problems.raise_if_any()
    kept = data_dir / recording_pool.KEPT
    return (
        f"shard {shard} of {shards}: {len(own)} of {len(jobs)} recordings are in {kept}; when all shards are"
        " done, the same command without --shard builds the corpus"
    )
