"""The methods by name; imported by the launcher's flags, so it needs nothing but Python."""

from collections.abc import Sequence
from typing import NamedTuple

STUDY = "baseline"
"""The only study of a run of classical models."""

NAMES = {
    "mfcc_statistics": "MFCC statistics",
    "action_units": "Action units",
    "both": "MFCC statistics + action units",
    "is13": "IS13 baseline",
    "random_subset": "Random subset feature selection",
    "canonical": "Canonical correlation selection",
    "forward_backward": "Forward-backward selection",
    "nystroem": "Ensemble Nyström, sparse PLS",
    "linear": "Linear model of single steps",
    "svr": "SVR",
}
"""Method -> its variant."""
REFITTED = ", refitted"
"""Ends the name of a variant whose final model learned from the training and validation splits together."""
OFFSET = " + offset"
"""Ends the name of a variant whose predictions went through AVEC's chain (data/avec.py), fitted on validation."""
OF_STEPS = ("linear", "svr")
"""Methods of labels per step; the others are of whole clips of speech."""
OF_NUMBERS = ("svr",)
"""Methods that know no classes."""
OF_FUNCTIONALS = ("is13", "random_subset", "canonical", "forward_backward", "nystroem")
"""Methods on openSMILE's functionals; all but the first take MFCC statistics where openSMILE is not installed."""
NEEDING_ACTION_UNITS = ("action_units", "both")


class Request(NamedTuple):
    """What a user asks for.

    Attributes:
      methods: of `NAMES`; () for all that the corpus and the installed packages allow.
      seeds: of random_subset, the only method with anything random.
      iterations: random subsets of random_subset.
      refit: whether each final model is also fitted on the training and validation splits together, as a variant of its
        own.
      alone: whether methods of labels per step also learn from each modality by itself: 'SVR audio'.
    """

    methods: Sequence[str] = ()
    seeds: int = 1
    iterations: int = 10_000
    refit: bool = True
    alone: bool = False
