"""Long recordings with a label a step, and a state behind them that changes slowly: the manifest's synthetic corpus of
the layout `steps`.

What is planted: arousal follows from a state that keeps its value for about five seconds. The voice shows the state
through much noise, the face through more, and both also show something that has nothing to do with it. One step alone
tells little, so a model gains by what it remembers. Every speaker has an offset of their own in each feature.
"""

from pathlib import Path

import numpy as np

from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError

RATE = 10.0
"""Steps a second."""
_MEMORY = 50.0  # steps after which the state has forgotten two thirds of itself
_NOISE = {"voice": 2.0, "face": 3.0}  # standard deviation, beside a state of 1
_WIDTH = {"voice": 8, "face": 6}


def synthesize_steps(folder: Path, *, recordings: int = 30, steps: int = 1500, seed: int = 0) -> None:
    """Writes `manifest.csv` and its files; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      recordings: how many, two of each speaker.
      steps: of the longest recording; the others are up to a fifth shorter.
      seed: of all random numbers.

    Raises:
      UserError: too few recordings for folds or too few steps, or the folder exists or cannot be written.
    """
    if recordings < 6 or steps < 10:
        raise UserError(f"a synthetic manifest has {recordings} recordings of {steps} steps; give 6 or more of 10")
    with make_whole_folder(Path(folder)) as place:
        for name in ("arousal", *_WIDTH):
            (place / name).mkdir()
        lines = ["id,group,label:arousal,voice,face"]
        for number in range(recordings):
            name = f"talk{number + 1:02}"
            _write_recording(place, name, number, steps, seed)
            files = ",".join(f"{kind}/{name}.csv" for kind in ("arousal", *_WIDTH))
            lines.append(f"{name},speaker{number // 2 + 1},{files}")
        (place / "manifest.csv").write_text("\n".join(lines) + "\n")
        write_marker(place, "manifest", dict(recordings=recordings, steps=steps, seed=seed), sizes={})


def _write_recording(place: Path, name: str, number: int, steps: int, seed: int) -> None:
    draw = np.random.default_rng([seed, number])
    length = steps - int(draw.integers(0, steps // 5 + 1))
    state, other = _draw_slow(draw, length), _draw_slow(draw, length)
    times = np.arange(length) / RATE
    _write_table(place / "arousal" / f"{name}.csv", times, np.tanh(state)[:, None], "arousal")
    for kind, width in _WIDTH.items():
        # The same in all recordings, but for the speaker's own offset.
        shown = np.random.default_rng([seed, width]).normal(size=(2, width))
        offset = np.random.default_rng([seed, number // 2, width]).normal(scale=0.5, size=width)
        values = np.stack([state, other], 1) @ shown + offset + _NOISE[kind] * draw.normal(size=(length, width))
        _write_table(place / kind / f"{name}.csv", times, values, kind)


def _draw_slow(draw: np.random.Generator, length: int) -> np.ndarray:
    """float64 [length] with a standard deviation of about 1, which forgets two thirds of itself in `_MEMORY` steps."""
    keep = np.exp(-1 / _MEMORY)
    state = np.empty(length)
    state[0] = draw.normal()
    for t, kick in enumerate(draw.normal(scale=np.sqrt(1 - keep**2), size=length - 1), start=1):
        state[t] = keep * state[t - 1] + kick
    return state


def _write_table(path: Path, times: np.ndarray, values: np.ndarray, name: str) -> None:
    width = values.shape[1]
    names = [name] if width == 1 else [f"{name}{n + 1}" for n in range(width)]
    rows = np.concatenate([times[:, None], values], 1)
    np.savetxt(path, rows, delimiter=",", header=",".join(["time", *names]), comments="", fmt="%.4f")
