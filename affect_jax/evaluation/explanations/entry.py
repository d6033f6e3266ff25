"""What is recorded of one explained clip: plain values for JSON, and notes on what to doubt."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from affect_jax.evaluation import attribution, lime
from affect_jax.evaluation.explanations.clips import Clip

LOW_R2, LOW_STABILITY = 0.5, 0.6
"""An explanation below either of these is called doubtful. At a mean Kendall tau of .6 one pair of super-samples in
five changes its order from draw to draw."""
PLANTED = "planted_spearman"
"""The entry's rank correlation of LIME with what a generator planted."""


class Findings(NamedTuple):
    """What the three methods say about a clip of S super-samples.

    Attributes:
      prediction: the model's, or the probability of the explained class.
      bounds: int [S + 1], the super-samples.
      lime: the explanation by SLIME.
      integrated: integrated gradients.
      occlusion: float64 [S].
    """

    prediction: float
    bounds: np.ndarray
    lime: lime.Explanation
    integrated: attribution.Integrated
    occlusion: np.ndarray


def describe_clip(clip: Clip, rate: int, findings: Findings) -> dict[str, Any]:
    """A clip's entry: numbers that JSON has, and notes on what to doubt.

    Args:
      clip: the clip.
      rate: Hz.
      findings: about it.
    """
    surrogate = findings.lime
    gradients = attribution.sum_per_segment(findings.integrated.attribution, findings.bounds)
    others = {"occlusion": findings.occlusion, "integrated_gradients": gradients}
    agreement = {name: attribution.measure_agreement(surrogate.coefficients, values) for name, values in others.items()}
    seconds = (findings.bounds / rate).tolist()
    return {
        "id": clip.id,
        "case": clip.case,
        "target": clip.target,
        "prediction": findings.prediction if clip.prediction is None else clip.prediction,
        "answer": findings.prediction,
        "segments": [[a, b] for a, b in zip(seconds[:-1], seconds[1:], strict=True)],
        "lime": surrogate.coefficients.tolist(),
        "lime_deviation": surrogate.deviation.tolist(),
        "lime_intercept": surrogate.intercept,
        "lime_r2": surrogate.r2,
        "lime_stability": _make_json_number(surrogate.stability),
        "order": surrogate.order.tolist(),
        "clipped": surrogate.clipped,
        "distinct_perturbations": surrogate.distinct,
        "occlusion": findings.occlusion.tolist(),
        "integrated_gradients": gradients.tolist(),
        "completeness_error": findings.integrated.error,
        "agreement": {name: {k: _make_json_number(v) for k, v in of.items()} for name, of in agreement.items()},
        "notes": [*clip.notes, *_list_differences(clip, findings.prediction), *_list_doubts(findings)],
    }


def add_planted(entry: Mapping[str, Any], planted: np.ndarray) -> dict[str, Any]:
    """The entry with what a generator planted [S] in the super-samples, which LIME should find."""
    rank = attribution.measure_agreement(np.array(entry["lime"]), planted)["spearman"]
    return {**entry, "planted": planted.tolist(), PLANTED: _make_json_number(rank)}


def _make_json_number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _list_differences(clip: Clip, prediction: float) -> list[str]:
    if clip.prediction is None or math.isclose(clip.prediction, prediction, rel_tol=1e-2, abs_tol=2e-3):
        return []
    return [
        f"the model predicts {prediction:.3f} here and the run's predictions.npz has {clip.prediction:.3f}: those were "
        "rescaled or post-processed, or the clip has changed"
    ]


def _list_doubts(findings: Findings) -> list[str]:
    surrogate, integrated, doubts = findings.lime, findings.integrated, []
    if not surrogate.coefficients.any():
        if surrogate.clipped < 1:  # where all were clipped, they are equal for that reason, which is reported below
            doubts.append("the model's prediction is the same whatever is silenced: there is nothing to explain")
    elif surrogate.r2 < LOW_R2:
        doubts.append(
            f"low surrogate R^2 of {surrogate.r2:.2f}: the model is not linear in the super-samples, so trust "
            "the ranks little"
        )
    if surrogate.stability < LOW_STABILITY:
        doubts.append(
            f"unstable ranks: Kendall tau between draws is {surrogate.stability:.2f}; raise --perturbations, or trust "
            "only weights that exceed their deviation"
        )
    if surrogate.clipped > 0.01:
        doubts.append(
            f"{surrogate.clipped:.0%} of the perturbed clips have predictions outside [-1, 1], which were clipped; "
            "--noclip explains the prediction itself"
        )
    if abs(integrated.error) > 0.05 * abs(integrated.difference) + 1e-3:
        doubts.append(
            f"integrated gradients add up to {integrated.difference + integrated.error:.3f} and should add up to "
            f"{integrated.difference:.3f}; raise --steps"
        )
    return doubts
