"""Metrics by task: pure, masked, exact over a split, and never an average of values of batches."""

from affect_jax.metrics.collection import TASKS, make_collection
from affect_jax.metrics.scores import evaluate, evaluate_groups, score_constant

__all__ = ["TASKS", "evaluate", "evaluate_groups", "make_collection", "score_constant"]
