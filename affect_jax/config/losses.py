"""Losses as a config names them: which output meets which target, and with what options.

    losses = dict(
        prediction=dict(kind='mse', prediction='prediction', target='target', weight=1.0),
        translation_audio=dict(kind='mse', prediction='translation/audio', target='inputs/audio', weight=1.0),
        alignment_audio=dict(kind='dcca', a='latent/weaker', b='latent/audio', weight=1.0, k=10),
    )

A kind with a colon is a function of the user's own, `module:function`, of predictions and targets: one value a step.
The functions behind the other kinds are in `training/objective.py`; a config is read by their names, without JAX.
"""

import importlib
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from affect_jax.config.decode import Range, decode
from affect_jax.config.problems import Problems
from affect_jax.errors import UserError, join_words, suggest_nearest

ELEMENTWISE = (
    "mse",
    "mae",
    "binary_cross_entropy",
    "cross_entropy",
    "focal",
    "ordinal",
    "multiplicative",
    "kl",
    "fool",
)
"""One value for each valid step, of which the batch's loss is the mean."""
AGREEMENT = ("pcc", "ccc")
"""One number from all valid steps of the batch."""
ALIGNMENT = ("dcca", "barlow", "vicreg")
"""One number from two latent codes."""
DISTRIBUTION = ("cmd", "mmd", "difference")
"""One number from two latent codes as samples of two distributions, whose steps are not compared one with one."""
EMBEDDING = ("contrastive", "triplet")
"""One number from two latent codes in one space, and the labels that say what belongs together."""
TEACHING = ("ssa",)
"""One number from the maps of two modalities, `map/<m>`, and the losses of what each says of an item."""
ADVERSARIAL = ("adversary",)
"""One value for each valid step, from what a discriminator says of a real code and of one that imitates it."""
OPPOSED = ("adversary", "fool")
"""The discriminator's loss, and the loss of what fools it."""
STATEFUL = ("dcca_ema", "soft_cca")
"""The same, with running statistics that the train state carries."""
_WEIGHT = Annotated[float, Range(least=0)]
_DECAY = Annotated[float, Range(least=0, most=1)]
_CCA_OPTIONS = {
    "k": Annotated[int, Range(least=1)],
    "ridge": _WEIGHT,
    "ridge_mode": Literal["scale", "absolute"],
}
_CLASS_WEIGHTS = tuple[_WEIGHT, ...]
OPTIONS: dict[str, dict[str, Any]] = {
    "cross_entropy": {"smoothing": Annotated[float, Range(least=0, most=1)], "class_weights": _CLASS_WEIGHTS},
    "focal": {"gamma": _WEIGHT, "class_weights": _CLASS_WEIGHTS},
    "dcca": {**_CCA_OPTIONS, "root_ridge": _WEIGHT},
    "dcca_ema": {**_CCA_OPTIONS, "decay": _DECAY},
    "barlow": {"redundancy": _WEIGHT},
    "vicreg": {"invariance": _WEIGHT, "variance": _WEIGHT, "covariance": _WEIGHT},
    "cmd": {"moments": Annotated[int, Range(least=1)]},
    "mmd": {"bandwidth": Annotated[float, Range(above=0)]},
    "multiplicative": {"beta": _WEIGHT, "alpha": _WEIGHT, "margin": float | None},
    "ssa": {"beta": _WEIGHT},
    "kl": {"temperature": Annotated[float, Range(above=0)]},
    "contrastive": {"margin": _WEIGHT, "positives": Literal["item", "label"]},
    "triplet": {"margin": _WEIGHT, "mining": Literal["hard", "semi_hard"], "near": _WEIGHT},
    "soft_cca": {"decorrelation": _WEIGHT, "decay": _DECAY},
}
"""Kind -> option -> its type; the other kinds have no options. All but `k`, the rank, have defaults."""
OF_TASK = {
    "regression": ("mse", "mae", "pcc", "ccc"),
    "signed_regression": ("mse", "mae", "pcc", "ccc"),
    "sentiment_regression": ("mse", "pcc", "ccc", "mae"),  # papers on sentiment learn by the absolute error
    "binary": ("binary_cross_entropy",),
    "multiclass": ("cross_entropy", "focal", "ordinal"),
}
"""Task -> losses between a prediction and the target that make sense for it."""
OF_CODES = (*ALIGNMENT, *DISTRIBUTION, *EMBEDDING, *TEACHING, *ADVERSARIAL, *STATEFUL)
"""Kinds between entries `a` and `b`; the others are between `prediction` and `target`."""
KINDS = tuple(sorted((*ELEMENTWISE, *AGREEMENT, *OF_CODES)))


class Term(NamedTuple):
    """One loss of a stage. Its weight is a hyper-parameter, see `hyper.Hyper`.

    Attributes:
      name: key in `config.stages.<stage>.losses`.
      kind: one of KINDS, or `module:function`.
      left: the output or batch entry that is compared ...
      right: ... with this one.
      options: keyword arguments of the loss function, sorted by name.
    """

    name: str
    kind: str
    left: str
    right: str
    options: tuple[tuple[str, Any], ...]


def is_own(kind: Any) -> bool:
    """Whether a kind names a function of the user's own: `my_losses:focal`, `package.module:function`."""
    return isinstance(kind, str) and re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", kind) is not None


def import_own(kind: str, what: str = "loss") -> Callable[..., Any]:
    """The function that a kind `module:function` names; its module is imported, so only a run that trains asks for it.

    Args:
      kind: of a loss, or a metric.
      what: which of the two.

    Raises:
      UserError: there is no such module or function.
    """
    module, _, name = kind.partition(":")
    try:
        function = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise UserError(
            f"the {what} {kind!r} is in a module {module!r} that cannot be imported ({error}); start the program in "
            "the folder of that module, or put the folder on PYTHONPATH"
        ) from error
    if not callable(function):
        raise UserError(f"module {module!r} has no function {name!r}, which config.stages names as the {what} {kind!r}")
    return function


def list_fitting(loss: Mapping[str, Any], task: str) -> tuple[str, ...]:
    """The kinds that a loss between these entries can have: of the target, those of the task."""
    if {"a", "b"} & set(loss):
        return tuple(sorted(OF_CODES))
    return OF_TASK[task] if loss.get("target") == "target" else tuple(sorted((*ELEMENTWISE, *AGREEMENT)))


def parse_losses(losses: Mapping[str, Mapping[str, Any]], task: str = "regression") -> tuple[Term, ...]:
    """Reads the losses of a stage, in the order of their names.

    Args:
      losses: `config.stages.<stage>.losses`.
      task: of the config, whose losses an unknown one is answered with.

    Raises:
      UserError: an unknown kind or option (with the list and the nearest one), a missing entry, or no loss at all.
    """
    if not losses:
        raise UserError("a stage has no losses; give config.stages.<stage>.losses at least one")
    return tuple(_parse_term(name, losses[name], task) for name in sorted(losses))


def _parse_term(name: str, loss: Mapping[str, Any], task: str) -> Term:
    options = dict(loss)
    kind = options.pop("kind", None)
    if kind not in KINDS and not is_own(kind):
        known = list_fitting(options, task)
        raise UserError(
            f"loss {name!r} has kind {kind!r}{suggest_nearest(str(kind), KINDS)}; what fits here is "
            f"{join_words(known)}, or a function of your own as module:function (CONTRIBUTING.md)"
        )
    left, right = ("a", "b") if kind in OF_CODES else ("prediction", "target")
    missing = [key for key in (left, right, "weight") if key not in options]
    if missing:
        raise UserError(f"loss {name!r} of kind {kind!r} needs {missing[0]!r}; give {left}, {right} and weight")
    del options["weight"]
    term = Term(name, kind, options.pop(left), options.pop(right), tuple(sorted(options.items())))
    if is_own(kind):
        return term  # whose options only the function knows
    known = OPTIONS.get(kind, {})
    problems = Problems()
    for option, value in options.items():
        if option in known:
            decode(known[option], value, f"option {option!r} of loss {name!r}", problems)
        else:
            raise UserError(
                f"loss {name!r} of kind {kind!r} has no option {option!r}{suggest_nearest(option, known)}; "
                f"it has {join_words(known)} beside {left}, {right} and weight"
            )
    problems.raise_any()
    if "k" in known and "k" not in options:
        raise UserError(f"loss {name!r} of kind {kind!r} needs 'k', the number of canonical correlations")
    return term
