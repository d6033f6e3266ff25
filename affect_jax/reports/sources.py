"""Which variant of which run answers which question: the agreement between the configs and the reports.

A run is named by its config argument, its studies and variants as its config names them. Which of them the thesis
compares is data, in `affect_jax.reports.thesis`.
"""

import re
from typing import NamedTuple

from affect_jax.evaluation.read import Source


class Pair(NamedTuple):
    """Did co-learning help: `method` against each reference, a name and what it stands for."""

    label: str
    corpus: str
    split: str
    metrics: tuple[str, ...]
    method: Source
    references: tuple[tuple[str, Source], ...]


CONFLICTNET = "configs/conflictnet.py:sspnet_conflict"
FUSION = "configs/fusion.py"
ZOO = "configs/zoo.py"
BASELINES = "baseline"
"""Last part of the config argument, and the only study, of what launch.baselines makes."""
IS13, RANDOM_SUBSET = "IS13 baseline", "Random subset feature selection"
SMILE = "ComParE_2016"
"""What `baselines.functionals` calls openSMILE's functionals."""


def name_baselines(config: str) -> str:
    """The config argument of what launch.baselines makes of a config's corpus and folds."""
    return f"{config}{',' if ':' in config else ':'}{BASELINES}"


def name_network(config: str) -> str:
    """The inverse of `name_baselines`; any other config argument is returned as it is."""
    return re.sub(rf"[,:]{BASELINES}$", "", config)


def are_of_speech(config: str) -> bool:
    """Whether a config argument is that of classical baselines of chapter 3, which read openSMILE's functionals."""
    return name_network(config) != config and config.startswith(CONFLICTNET.partition(":")[0])


def pick_fusion(runs: str, study: str) -> Source:
    """A study of chapter 4, whose one variant has its name; `runs` is the set of studies that are one run folder."""
    return Source(f"{FUSION}:{runs},iemocap", study, study)


def shrink_config(config: str) -> str:
    """The config argument of the same studies at the sizes of the synthetic corpus; `config` where it has none."""
    return config.removesuffix(",iemocap") if config.startswith(f"{FUSION}:") else config


def list_candidates(config: str, synthetic: bool) -> tuple[str, ...]:
    """Config arguments whose runs have the studies of `config`, the first choice first."""
    if config.startswith(f"{ZOO}:"):
        return (config, config.rpartition(",")[0])  # one method alone, or all of them
    if not config.startswith(f"{FUSION}:"):
        return (config,)
    names = (config, f"{FUSION}:all,iemocap")
    # What the config file makes without an argument.
    unnamed = (FUSION,) if shrink_config(config) == f"{FUSION}:trimodal" else ()
    return (*names, *map(shrink_config, names), *unnamed) if synthetic else names
