"""Small scenarios with planted answers to "when does a third modality help?", in the layout of a `manifest`.

What is planted: the affect y = .8 y1 + .6 y2 of a recording has two independent components, which wander from step to
step (first-order autoregressions); so do four nuisance factors z (loudness, light, ...). The target is tanh(y / 2). A
training recording is rated by one person, whose opinion about the whole recording and about each step no feature shows;
all other recordings are rated by a panel that is right. Every modality is tanh(W factors) + private + noise with its
own W:

    modality       shows                     what it offers to `weak` beside `first`
    weak           y1, y2, z1, z2, z3, z4    it is the student; strong private factors, constant in a recording
    first          y1, z1, z2                it is the first teacher: the larger component of what `weak` could show
    redundant      y1, z1, z2                the same again, with noise of its own
    complementary  y2, z3, z4                the other component of the affect
    distracting    z3, z4                    something that `weak` shows too, and nothing of affect
    noise          factors of its own        nothing

In two dozen recordings private factors and opinions agree by chance, and a model of `weak` that learns from labels
alone mistakes a voice for a mood. What `weak` shares with a teacher is free of both. The tests show what each teacher
is worth, by a linear version of co-learning in two steps: regress the teachers on `weak`, keep the predicted
directions, and regress the target on them.

A scenario has its own W and its own recordings to train on, to select by and to score on: scenarios differ in what
another corpus would change.
"""

from pathlib import Path

import numpy as np

from affect_jax.datasets.scenarios import Scenario, name_recording, write_scenarios

WEAK = "weak"
TEACHERS = ("first", "redundant", "complementary", "distracting", "noise")
MODALITIES = (WEAK, *TEACHERS)
_FACTORS = ("y1", "y2", "z1", "z2", "z3", "z4", "n1", "n2", "n3")
# modality -> the factors that it shows, with their weights
_SHOWN_FACTORS = {
    "weak": dict(y1=0.8, y2=0.8, z1=1.0, z2=1.0, z3=1.0, z4=1.0),
    "first": dict(y1=1.2, z1=1.0, z2=1.0),
    "redundant": dict(y1=1.2, z1=1.0, z2=1.0),
    "complementary": dict(y2=1.2, z3=1.0, z4=1.0),
    "distracting": dict(z3=1.2, z4=1.2),
    "noise": dict(n1=1.0, n2=1.0, n3=1.0),
}
_PRIVATE, _STRONG, _LITTLE = 16, 3.0, 0.3  # private factors; their weight in `weak` and in a teacher
_NOISE = 1.0
_AFFECT_WEIGHTS = 0.8, 0.6  # of y1 and y2 in affect
_MEMORY = 0.7  # correlation of neighbouring steps
_RATER, _RATING = 1.5, 0.3  # standard deviation of a rater's opinion of a recording and of a step; of affect it is 1


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
    """Writes manifest.csv and an npy file per recording and modality; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      scenarios: how many.
      train: recordings of each scenario to train on.
      validation: recordings of each scenario to select by.
      test: recordings of each scenario to score on.
      steps: steps of each recording.
      columns: features of each modality.
      seed: of all random numbers; a scenario does not depend on how many there are.

    Raises:
      UserError: a size below 1, fewer than three scenarios, or the folder exists or cannot be written.
    """
    sizes = dict(scenarios=scenarios, train=train, validation=validation, test=test, steps=steps, columns=columns)
    write_scenarios(
        folder, "planted", make_scenario, name_scenario=name_scenario, labels=("affect",), sizes=sizes, seed=seed
    )


def make_scenario(seed: int, number: int, *, counts: dict[str, int], steps: int, columns: int) -> Scenario:
    """Makes a scenario: recording id -> modality -> float32 [steps, columns], and 'affect' -> float32 [steps]."""
    rng = np.random.default_rng([seed, number])
    mixing = {m: rng.normal(size=(len(_FACTORS) + _PRIVATE, columns)) for m in MODALITIES}
    scenario = name_scenario(number)
    return {
        name_recording(scenario, split, n): _make_recording(rng, steps, mixing, is_rated_by_panel=split != "train")
        for split, count in counts.items()
        for n in range(count)
    }


def name_scenario(number: int) -> str:
    """The fold of a scenario. Recording ids and published results contain this name, so it keeps its older word."""
    return f"world_{number}"


def _make_recording(
    rng: np.random.Generator, steps: int, mixing: dict[str, np.ndarray], *, is_rated_by_panel: bool
) -> dict:
    factors = dict(zip(_FACTORS, _make_random_walk(rng, steps, len(_FACTORS)).T, strict=True))
    affect = _AFFECT_WEIGHTS[0] * factors["y1"] + _AFFECT_WEIGHTS[1] * factors["y2"]
    opinion = _RATER * rng.normal() + _RATING * rng.normal(size=steps)
    arrays = {"affect": np.tanh((affect if is_rated_by_panel else affect + opinion) / 2)}
    for modality, weights in mixing.items():
        weight_of = _SHOWN_FACTORS[modality]
        shared = np.stack([weight_of.get(name, 0.0) * values for name, values in factors.items()], axis=1)
        own = rng.normal(size=(1, _PRIVATE)) * (_STRONG if modality == WEAK else _LITTLE)
        values = np.tanh(shared @ weights[: len(_FACTORS)] / np.sqrt(len(weight_of)))
        values = values + own @ weights[len(_FACTORS) :] / np.sqrt(_PRIVATE)
        arrays[modality] = values + _NOISE * rng.normal(size=values.shape)
    return {kind: values.astype(np.float32) for kind, values in arrays.items()}


def _make_random_walk(rng: np.random.Generator, steps: int, count: int) -> np.ndarray:
    """[steps, count] stationary first-order autoregressions of unit variance."""
    pushes = rng.normal(size=(steps, count))
    walk = np.empty_like(pushes)
    walk[0] = pushes[0]
    for t in range(1, steps):
        walk[t] = _MEMORY * walk[t - 1] + np.sqrt(1 - _MEMORY**2) * pushes[t]
    return walk
