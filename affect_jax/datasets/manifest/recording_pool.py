"""Measures recordings with all cores: their features are computed, and kept until the corpus is built of them."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from affect_jax.datasets.manifest.cells import Reading
from affect_jax.features.recording_workers import start_workers
from affect_jax.features.recordings import Measured, find_kept, measure_recording
from affect_jax.features.segments import Segment

MeasureSound = Callable[[Path, Sequence[Segment]], list[Measured | str]]
"""(recording, segments) -> the size of the features of each, or what is wrong with it."""
KEPT = Path("manifest", "recordings")
"""Below the folder for built corpora: features of recordings that no corpus has been built of yet."""
_FEW_BYTES = 20_000_000
"""Fewer bytes of recordings are read by this process: starting another takes a second or two."""
_WORTH_TELLING = 300
"""Seconds of sound from which on it is told how fast they were read."""
_MEMORY = 4e9
"""Bytes that the recordings that are being read may take together."""
_GROWTH = {".wav": 8, ".aiff": 8, ".aif": 8, ".flac": 16}
"""Bytes in memory for each byte of a file, at most: samples, their features, and copies of both. Others: 120."""


@contextlib.contextmanager
def open_pool(
    paths: Sequence[Path], reading: Reading, data_dir: Path, say: Callable[[str], None]
) -> Iterator[MeasureSound]:
    """Gives a function that measures segments of a recording, which threads may call at once, one a core.

    Args:
      paths: the recordings that will be measured.
      reading: how.
      data_dir: folder for built corpora.
      say: receives how fast it was, of more than a few minutes of sound.
    """
    seconds: list[float] = []
    read: set[Path] = set()
    budget, began = _Budget(_MEMORY), time.monotonic()
    with contextlib.ExitStack() as stack:
        compute = measure_recording
        waiting = [path for path in paths if not _is_kept(path, reading, data_dir)]
        if sum(_get_size(path) for path in waiting) > _FEW_BYTES and count_cores() > 1:
            compute = stack.enter_context(start_workers(count_cores()))
        # openSMILE may not be used by two threads at once.
        lock = threading.Lock() if compute is measure_recording and reading.sound == "egemaps" else None

        def measure(path: Path, segments: Sequence[Segment]) -> list[Measured | str]:
            with budget.take(_get_size(path) * _GROWTH.get(path.suffix.lower(), 120)), lock or contextlib.nullcontext():
                kept = [find_kept(data_dir / KEPT, path, reading.sound, reading.rate, segment) for segment in segments]
                are_new = [not file.is_file() for file in kept]
                measured = compute(path, reading.sound, reading.rate, data_dir / KEPT, segments)
            for size, is_new in zip(measured, are_new, strict=True):
                if is_new and not isinstance(size, str):
                    seconds.append(size.seconds)
                    read.add(path)
            return measured

        yield measure
    took = time.monotonic() - began
    if sum(seconds) > _WORTH_TELLING:
        say(
            f"{len(read)} recordings of {sum(seconds) / 3600:.2f} h read as {reading.sound} in {took:.1f} s:"
            f" {sum(seconds) / took:.0f} s of sound a second, {count_cores()} cores"
        )


def forget_kept(recordings: Iterable[tuple[Path, Segment]], reading: Reading, data_dir: Path) -> None:
    """Removes what was kept of recordings, as a corpus has been built of them."""
    folder = data_dir / KEPT
    if not folder.is_dir():
        return
    for path, segment in recordings:
        with contextlib.suppress(OSError):
            find_kept(folder, path, reading.sound, reading.rate, segment).unlink()
    with contextlib.suppress(OSError):  # another corpus may have some there
        folder.rmdir()


def count_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_kept(path: Path, reading: Reading, data_dir: Path) -> bool:
    try:
        return find_kept(data_dir / KEPT, path, reading.sound, reading.rate).is_file()
    except (OSError, ValueError):
        return False


def _get_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0


class _Budget:
    """An amount that several threads share; what is larger than all of it is given when nothing else is taken."""

    def __init__(self, amount: float) -> None:
        self._amount, self._taken, self._changed = amount, 0.0, threading.Condition()

    @contextlib.contextmanager
    def take(self, amount: float) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + amount <= self._amount)
            self._taken += amount
        try:
            yield
        finally:
            with self._changed:
                self._taken -= amount
                self._changed.notify_all()
