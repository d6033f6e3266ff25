"""Who teaches whom, found by the run itself: the modalities are ranked first, each alone, and the pair follows.

A config with a `ranking` (configs/seqsew.py:auto) has in it the studies of configs/rank.py. The rule: the modality with
the best mean validation score over folds and seeds teaches the one with the worst. Test scores choose nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_collections

from affect_jax.config import fit_pair
from affect_jax.data import splits
from affect_jax.errors import UserError
from affect_jax.reports import ranking, tables
from affect_jax.reports.ranking import Ranking

FOLDER = "ranking"
"""Of a run folder: the run folder of its ranking."""
_SHARED = ("corpus", "engine")


def make_ranking_config(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """The config of the ranking in a config: its own studies, on the same corpus by the same engine."""
    shared = {name: config[name].to_dict() for name in _SHARED}
    return ml_collections.ConfigDict({**config.ranking.to_dict(), **shared})


def choose_pair_by_ranking(
    config: ml_collections.ConfigDict,
    folder: Path,
    train: Callable[[ml_collections.ConfigDict, Path], Any],
    say: Callable[[str], None],
) -> ml_collections.ConfigDict:
    """The config with the pair that the ranking suggests, and without the ranking.

    Args:
      config: of SEW or SeqSEW, with a `ranking`.
      folder: the run folder, in which the ranking has one of its own.
      train: makes the run of a config in a folder, or reads it where it is finished.
      say: is told the choice and its reason.

    Raises:
      UserError: a pair is named already; or as training.
    """
    if config.corpus.get("pair"):
        raise UserError(
            f"config.corpus.pair is {config.corpus.pair!r}, but this config finds the pair by itself; leave it out, or "
            "choose a config that names one"
        )
    train(make_ranking_config(config), folder / FOLDER)
    found = ranking.read(folder / FOLDER)
    say(explain_choice(found))
    plain = config.to_dict()
    layers = _list_gru_layers(found)
    del plain["ranking"]
    pair = (found.weaker, found.stronger)
    if plain["corpus"]["name"] == splits.OWN:
        plain["corpus"]["pair"] = "+".join(pair)
    else:
        fit_pair.apply_pair(plain, pair, {})
        plain["name"] = f"{plain['name']}: {found.stronger} teaches {found.weaker}"
    if layers:
        plain["model"] |= {"weaker_gru_layers": layers[found.weaker], "stronger_gru_layers": (layers[found.stronger],)}
    return ml_collections.ConfigDict(plain)


def _list_gru_layers(found: Ranking) -> dict[str, int]:
    """Modality -> bi-GRU layers of its encoder, where the ranking's models have them."""
    studies = found.run.config["studies"]
    models = {one.modality: studies[one.source.study]["override"]["model"] for one in found.ranked}
    return {m: model["weaker_gru_layers"] for m, model in models.items() if "weaker_gru_layers" in model}


def explain_choice(found: Ranking) -> str:
    """The choice in words: 'ranking by validation accuracy %: text 81.0, ...; text teaches audio'."""
    scores = ", ".join(f"{one.modality} {tables.number(one.validation.mean, found.metric)}" for one in found.ranked)
    kind = " on a synthetic corpus" if found.run.synthetic else ""
    return (
        f"ranking{kind} by validation {tables.label(found.metric)}: {scores}; so {found.stronger}, the strongest, "
        f"teaches {found.weaker}, the weakest"
    )
