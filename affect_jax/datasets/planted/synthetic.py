"""Small worlds with planted answers to "when does a third modality help?", in the layout of a `manifest`.

What is planted. The affect y = .8 y1 + .6 y2 of a recording has two parts that know nothing of each other, and wander
from step to step (first-order autoregressions); so do four nuisance factors z (loudness, light, ...). The target
is tanh(y / 2); a training recording was rated by one person, who has an opinion of the whole recording and of the step
that no feature knows of, all others by a panel that is right. Every modality is tanh(W factors) + private + noise, with
its own W:

    modality       knows of                  what it is to `weak` beside `first`
    weak           y1, y2, z1, z2, z3, z4    the one that is taught; strong private factors, constant in a recording
    first          y1, z1, z2                the first teacher: the larger part of what `weak` could show
    redundant      y1, z1, z2                the same again, with noise of its own
    complementary  y2, z3, z4                the other part of the affect
    distracting    z3, z4                    something that `weak` shows too, and nothing of affect
    noise          factors of its own        nothing

In two dozen recordings private factors and opinions agree by chance, and a model of `weak` that learns from labels
alone takes a voice for a mood. What `weak` shares with a teacher is free of both. A linear two-step version of
co-learning (regress the teachers on `weak`, keep the directions that were predicted, regress the target on them) shows
in the tests what each teacher is worth to it.

A world has its own W and its own recordings to train on, to select by and to be scored on: what differs between worlds
is what another corpus would change.
"""

import csv
from pathlib import Path

import numpy as np

from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError

WEAK = "weak"
TEACHERS = ("first", "redundant", "complementary", "distracting", "noise")
MODALITIES = (WEAK, *TEACHERS)
SPLITS = ("train", "validation", "test")
_FACTORS = ("y1", "y2", "z1", "z2", "z3", "z4", "n1", "n2", "n3")
# What a modality knows of: factor -> weight.
_KNOWS = {
    "weak": dict(y1=0.8, y2=0.8, z1=1.0, z2=1.0, z3=1.0, z4=1.0),
    "first": dict(y1=1.2, z1=1.0, z2=1.0),
    "redundant": dict(y1=1.2, z1=1.0, z2=1.0),
    "complementary": dict(y2=1.2, z3=1.0, z4=1.0),
    "distracting": dict(z3=1.2, z4=1.2),
    "noise": dict(n1=1.0, n2=1.0, n3=1.0),
}
_PRIVATE, _STRONG, _LITTLE = 16, 3.0, 0.3  # factors; their weight in `weak` and in a teacher
_NOISE = 1.0
_AFFECT_WEIGHTS = 0.8, 0.6  # of y1 and y2 in affect
_MEMORY = 0.7  # correlation of neighbouring steps
_RATER, _RATING = 1.5, 0.3  # spread of the rater's opinion of a recording and of a step, against unit affect


def synthesize(
    folder: Path,
    *,
    scenarios: int = 20,
    train: int = 24,
    validation: int = 8,
    test: int = 24,
    steps: int = 12,
    columns: int = 60,
    seed: int = 0,
) -> None:
    """Writes manifest.csv and an npy a recording and modality; `folder` must not exist and is there only when whole.

    Args:
      folder: where.
      worlds: how many.
      train: recordings of each world to train on.
      validation: to select by.
      test: to be scored on.
      steps: of each recording.
      columns: features of each modality.
      seed: of all that is random; worlds of one seed do not depend on how many there are.

    Raises:
      UserError: a size below 1, fewer than three worlds, or the folder cannot be written.
    """
    sizes = dict(scenarios=scenarios, train=train, validation=validation, test=test, steps=steps, columns=columns)
    if min(sizes.values()) < 1 or scenarios < 3:
        raise UserError(
            f"config.corpus.synthetic has sizes {sizes}; give at least 3 scenarios, and at least 1 of the rest"
        )
    with make_whole_folder(Path(folder)) as place:
        (place / "features").mkdir()
        lines = []
        for number in range(scenarios):
            made = make_scenario(
                seed, number, sides={side: sizes[side] for side in SPLITS}, steps=steps, columns=columns
            )
            for name, arrays in made.items():
                paths = {kind: f"features/{name}_{kind}.npy" for kind in arrays}
                for kind, values in arrays.items():
                    np.save(place / paths[kind], values, allow_pickle=False)
                label = paths.pop("affect")
                lines.append({"id": name, "fold": name_scenario(number), "label:affect": label, **paths})
        with (place / "manifest.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(lines)
        write_marker(place, "planted", {**sizes, "seed": seed}, sizes)


def make_scenario(seed: int, number: int, *, sides: dict[str, int], steps: int, columns: int) -> dict[str, dict]:
    """One world: id of a recording -> modality -> float32 [steps, columns], and 'affect' -> float32 [steps]."""
    rng = np.random.default_rng([seed, number])
    mixing = {m: rng.normal(size=(len(_FACTORS) + _PRIVATE, columns)) for m in MODALITIES}
    return {
        name_recording(number, side, n): _make_recording(rng, steps, mixing, panel=side != "train")
        for side, count in sides.items()
        for n in range(count)
    }


def name_scenario(number: int) -> str:
    """Of the fold that is a world."""
    return f"world_{number}"


def name_recording(number: int, side: str, n: int) -> str:
    """A recording's id tells its world and side."""
    return f"{name_scenario(number)}_{side}_{n}"


def _make_recording(rng: np.random.Generator, steps: int, mixing: dict[str, np.ndarray], *, panel: bool) -> dict:
    factors = dict(zip(_FACTORS, _make_random_walk(rng, steps, len(_FACTORS)).T, strict=True))
    affect = _AFFECT_WEIGHTS[0] * factors["y1"] + _AFFECT_WEIGHTS[1] * factors["y2"]
    opinion = _RATER * rng.normal() + _RATING * rng.normal(size=steps)
    made = {"affect": np.tanh((affect if panel else affect + opinion) / 2)}
    for modality, weights in mixing.items():
        knows = _KNOWS[modality]
        shared = np.stack([knows.get(name, 0.0) * values for name, values in factors.items()], axis=1)
        own = rng.normal(size=(1, _PRIVATE)) * (_STRONG if modality == WEAK else _LITTLE)
        values = np.tanh(shared @ weights[: len(_FACTORS)] / np.sqrt(len(knows)))
        values = values + own @ weights[len(_FACTORS) :] / np.sqrt(_PRIVATE)
        made[modality] = values + _NOISE * rng.normal(size=values.shape)
    return {kind: values.astype(np.float32) for kind, values in made.items()}


def _make_random_walk(rng: np.random.Generator, steps: int, count: int) -> np.ndarray:
    """[steps, count] stationary first-order autoregressions of unit variance."""
    pushes = rng.normal(size=(steps, count))
    walk = np.empty_like(pushes)
    walk[0] = pushes[0]
    for t in range(1, steps):
        walk[t] = _MEMORY * walk[t - 1] + np.sqrt(1 - _MEMORY**2) * pushes[t]
    return walk
