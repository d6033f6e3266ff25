"""What is fitted, checked before anything is read."""

from typing import NamedTuple

from affect_jax import metrics
from affect_jax.baselines import functionals
from affect_jax.baselines.methods import NAMES
from affect_jax.errors import UserError, join_words, suggest_nearest


class Plan(NamedTuple):
    """What to fit.

    Attributes:
      task: one of metrics.TASKS.
      target: name of the target.
      methods: of `methods.NAMES`.
      seeds: of random_subset; the others have nothing random.
      iterations: its random subsets.
      refit: whether each final model is also fitted on the training and validation splits together, as a variant of its
        own.
      within: 'group' or 'recording', whose mean and deviation are taken out of each descriptor, as
        `config.data.standardize_within` does it of a network's features; None for neither.
      alone: whether methods of labels per step also learn from each modality by itself, as variants of their own.
    """

    task: str
    target: str
    methods: tuple[str, ...]
    seeds: int = 1
    iterations: int = 10_000
    refit: bool = True
    within: str | None = None
    alone: bool = False


def check_plan(plan: Plan) -> None:
    """Refuses a plan that cannot be carried out.

    Raises:
      UserError: a method or the task is unknown, openSMILE is missing, or there are too few seeds or iterations.
    """
    for method in plan.methods:
        if method not in NAMES:
            raise UserError(
                f"--methods names {method!r}{suggest_nearest(method, NAMES)}; choose from {', '.join(NAMES)}"
            )
    if plan.task not in metrics.TASKS:
        raise UserError(
            f"config.task is {plan.task!r}{suggest_nearest(plan.task, metrics.TASKS)}; choose "
            f"{join_words(metrics.TASKS)}"
        )
    for name, least in (("seeds", 1), ("iterations", 1)):
        if getattr(plan, name) < least:
            raise UserError(f"--{name} is {getattr(plan, name)}; give {least} or more")
    if not plan.methods:
        raise UserError(f"no method is left to run; name some with --methods, of {', '.join(NAMES)}")
    if "is13" in plan.methods:
        functionals.make_extractor()
