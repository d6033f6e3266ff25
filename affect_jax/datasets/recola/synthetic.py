"""A small corpus in AVEC 2016's layout with planted answers, read by the same readers as the release.

What is planted: each recording has an affect process y (smooth in time) and four nuisance processes z (smooth too;
think of who speaks and how the head is held). The shared code c = (y, z) drives every modality, x = tanh(W c) +
private + noise, and the gold standard is y plus a rater's drift that no feature shows.

- The **stronger** modality (audio for arousal, geometry for valence) has little private variation and noise: it
  predicts affect well by itself and carries all of c.
- A **weaker** modality weighs y less and has many strong smooth factors of its own. In a few recordings these correlate
  with the gold standard by chance (both are smooth, so there are few independent moments), and a regression on labels
  alone mistakes them for affect. The weaker modality shares only c with the stronger one: learning to predict the
  stronger modality, or to correlate with it, leaves the five directions in which y lies. So co-learning helps; the
  tests show it by a linear version in two steps (regress stronger on weaker, keep five directions, regress the label on
  them).
- Six raters disagree more where the first nuisance is large: their ratings scatter around the gold standard by
  `_SCATTER` times exp of half of it. So how much they disagree can be told from features.
- Both video modalities have runs of all-zero rows, as the release has where no face was detected.

Nothing links y to the number of a recording or to time. The two target folders have different features (drawn
separately), and the test split has no gold standard, as in the release, unless `test_labels` asks for one.
"""

from pathlib import Path

import numpy as np

from affect_jax.datasets.recola import arff_files, rating_files
from affect_jax.datasets.recola.avec_release import FRAME_SECONDS, SPLIT_PREFIXES
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError

_NUISANCES, _PRIVATE = 4, 12
_DRIFT = 0.7  # standard deviation of the rater's drift; of affect it is 1
_SCATTER, _RATERS = 0.1, 6
_FACE_LOST = 0.03  # share of the frames of a video modality without a face, in one run
# modality -> (weight of y, of z, of the private factors, of white noise), for the stronger and for a weaker modality
_STRONGER = (1.0, 1.0, 0.3, 0.5)
_WEAKER = (0.6, 1.0, 2.0, 0.8)
_STRONGEST = {"arousal": "audio", "valence": "video_geometric"}


def synthesize(
    folder: Path,
    *,
    recordings: int = 3,
    frames: int = 250,
    audio: int = 88,
    video_geometric: int = 632,
    video_appearance: int = 168,
    seed: int = 0,
    test_labels: bool = False,
) -> None:
    """Writes the corpus; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      recordings: recordings of each of the three splits.
      frames: frames (of 40 ms) of each recording.
      audio: feature columns.
      video_geometric: feature columns.
      video_appearance: feature columns.
      seed: of all random numbers.
      test_labels: the test split has its gold standard, which the release keeps back.

    Raises:
      UserError: a size below 1 (frames: 4), or the folder exists or cannot be written.
    """
    columns = {"audio": audio, "video_geometric": video_geometric, "video_appearance": video_appearance}
    if min(recordings, frames // 4, *columns.values()) < 1:
        raise UserError("config.corpus.synthetic has a size that is too small; give at least 1, and at least 4 frames")
    parameters = {"recordings": recordings, "frames": frames, **columns, "seed": seed, "test_labels": test_labels}
    sizes = {"recordings": dict.fromkeys(SPLIT_PREFIXES, recordings), "frames": frames, "columns": columns}
    with make_whole_folder(Path(folder)) as place:
        for number, target in enumerate(("arousal", "valence")):
            _write_target(place, target, sizes, np.random.default_rng([seed, number]), seed, test_labels)
        write_marker(place, "recola", parameters, sizes)


def _write_target(
    place: Path, target: str, sizes: dict, rng: np.random.Generator, seed: int, test_labels: bool
) -> None:
    frames, columns = sizes["frames"], sizes["columns"]
    times = np.arange(frames) * FRAME_SECONDS
    weights = {
        m: (_STRONGER if m == _STRONGEST[target] else _WEAKER, rng.normal(size=(1 + _NUISANCES + _PRIVATE, width)))
        for m, width in columns.items()
    }
    for split, prefix in SPLIT_PREFIXES.items():
        for number in range(1, sizes["recordings"][split] + 1):
            name = f"{prefix}_{number}"
            code = _make_smooth_process(rng, frames, 1 + _NUISANCES)
            for modality, (scales, mixing) in weights.items():
                values = _make_modality(rng, code, scales, mixing)
                if modality != "audio":
                    lost = int(round(_FACE_LOST * frames))
                    start = rng.integers(0, frames - lost + 1)
                    values[start : start + lost] = 0.0
                _write_features(place / f"features_{modality}" / target / f"{name}.arff", times, values)
            if split == "test":
                if test_labels:  # of a stream of its own, so that no feature depends on whether there are labels
                    drift = _make_smooth_process(rng.spawn(1)[0], frames, 1)[:, 0]
                    _write_gold(place, target, name, times, _rate(code, drift))
            else:
                gold = _rate(code, _make_smooth_process(rng, frames, 1)[:, 0])
                _write_gold(place, target, name, times, gold)
                # Of another stream of numbers, so that everything else is what it was before there were raters.
                single = np.random.default_rng([seed, len(split), number]).normal(size=(frames, _RATERS))
                single *= _SCATTER * np.exp(0.5 * code[:, 1:2])
                rating_files.write_ratings(
                    place / "ratings_individual" / target / f"{name}.csv", times, gold[:, None] + single
                )


def _rate(code: np.ndarray, drift: np.ndarray) -> np.ndarray:
    """The gold standard [frames] of a code [frames, 5] and the rater's drift [frames]."""
    return np.tanh(0.3 * (code[:, 0] + _DRIFT * drift))


def _write_gold(place: Path, target: str, name: str, times: np.ndarray, gold: np.ndarray) -> None:
    arff_files.write_gold(place / "ratings_gold_standard" / target / f"{name}.arff", name, times, gold)


def _make_modality(rng: np.random.Generator, code: np.ndarray, scales: tuple, mixing: np.ndarray) -> np.ndarray:
    affect, nuisance, private, noise = scales
    own = _make_smooth_process(rng, len(code), _PRIVATE)
    shared = np.concatenate([affect * code[:, :1], nuisance * code[:, 1:]], axis=1)
    count = shared.shape[1]
    # Division by sqrt(factors) keeps tanh in its useful range, whatever the number of factors.
    driven = np.tanh(shared @ mixing[:count] / np.sqrt(count)) + private * own @ mixing[count:] / np.sqrt(_PRIVATE)
    return driven + noise * rng.normal(size=driven.shape)


def _make_smooth_process(rng: np.random.Generator, frames: int, count: int, width: float = 8.0) -> np.ndarray:
    """[frames, count] independent Gaussian processes of unit variance that change over about `width` frames."""
    reach = int(4 * width)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    white = rng.normal(size=(frames + 2 * reach, count))
    smooth = np.stack([np.convolve(white[:, i], kernel, mode="valid") for i in range(count)], axis=1)
    return smooth / np.sqrt((kernel**2).sum())


def _write_features(path: Path, times: np.ndarray, values: np.ndarray) -> None:
    header = ["@relation FEATURES", "", "@attribute frametime numeric"]
    header += [f"@attribute f{i} numeric" for i in range(values.shape[1])]
    # Two decimals are far below the noise and keep the files small.
    form = ",".join(["%.2f"] * (1 + values.shape[1]))
    rows = [form % tuple(row) for row in np.column_stack([times, values]).tolist()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*header, "", "@data", *rows, ""]))
