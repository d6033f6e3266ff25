"""How much of each study's score is interaction of its modalities, with tests."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from affect_jax.evaluation.compare import METRICS
from affect_jax.evaluation.decision import Contrast, contrast_scores, correct_family
from affect_jax.evaluation.design import derive_design
from affect_jax.evaluation.interactions.outcome_file import Outcome
from affect_jax.experiment.results_file import Results


class Line(NamedTuple):
    """A variant of a study.

    Attributes:
      label: its name.
      modalities: how many interact.
      block: examples that were crossed with each other.
      means: the mean score of the projection of each order, 1 to M.
      contrasts: for each order below M, the model's scores minus those of the projection.
      changed: for each order, the share of examples whose class it changes, in the mean over trials; None of numbers.
    """

    label: str
    modalities: int
    block: int
    means: tuple[float, ...]
    contrasts: tuple[Contrast, ...]
    changed: tuple[float | None, ...]


def choose_metric(scores: dict[str, Any]) -> str:
    """The metric that a table of interactions is about."""
    return next(metric for metric in METRICS if metric in scores)


def list_lines(results: Results, outcome: Mapping[str, Outcome], metric: str) -> list[Line]:
    """A line a variant, with Holm's correction over all contrasts.

    Args:
      results: of the run.
      outcome: of `evaluation.interactions.score_run`.
      metric: to compare by.
    """
    lines = []
    for name, (block, trials) in outcome.items():
        for variant in dict.fromkeys(trial.variant for trial in trials):
            of_variant = [trial for trial in trials if trial.variant == variant]
            # Where a model answers the same whatever it sees, a correlation is not defined: it found nothing.
            scores = np.array([[of_order[metric] or 0.0 for of_order in trial.scores] for trial in of_variant])
            design = derive_design([(trial.fold, trial.seed) for trial in of_variant], "test", results.corpus)
            contrasts = tuple(contrast_scores(scores[:, -1], scores[:, k], design) for k in range(scores.shape[1] - 1))
            changed = tuple(
                None if None in shares else float(np.mean(shares))
                for shares in zip(*(trial.changed for trial in of_variant), strict=True)
            )
            label = name if variant == name else f"{name} {variant}"
            lines.append(Line(label, scores.shape[1], block, tuple(scores.mean(axis=0)), contrasts, changed))
    corrected = iter(correct_family([contrast for line in lines for contrast in line.contrasts]))
    return [line._replace(contrasts=tuple(next(corrected) for _ in line.contrasts)) for line in lines]
