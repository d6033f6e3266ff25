"""Who teaches whom, found by the run itself: the modalities are ranked first, each alone, and the pair follows.

A config with a `ranking` (configs/seqsew.py:auto) has in it the studies of configs/rank.py. The rule: the modality with
the best mean validation score over folds and seeds teaches the one with the worst. Test scores choose nothing.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from affect_jax.config.changes import merge_changes
from affect_jax.config.corpus import OWN
from affect_jax.config.fit_pair import apply_pair
from affect_jax.config.modalities import map_single_modalities
from affect_jax.config.schema import Experiment
from affect_jax.errors import UserError

FOLDER = "ranking"
"""Of a run folder: the run folder of its ranking."""


class Undecided(NamedTuple):
    """A config whose pair is not known before its ranking has run.

    Attributes:
      ranking: the experiment that ranks the modalities.
      document: the plain config that waits for the pair, without its ranking.
      remarks: about it so far.
      given: dotted paths that flags set.
    """

    ranking: Experiment
    document: Mapping[str, Any]
    remarks: tuple[str, ...]
    given: frozenset[str] = frozenset()


class Decision(NamedTuple):
    """The ranked modalities, best first, and the config that follows.

    Attributes:
      scores: modality -> mean validation score.
      document: plain config with the pair.
    """

    scores: dict[str, float]
    document: Mapping[str, Any]


def split_ranking(document: Mapping[str, Any], remarks: tuple[str, ...], given: Collection[str] = ()) -> Undecided:
    """The ranking in a plain config, on the same corpus by the same engine, and the rest.

    Raises:
      UserError: a pair is named already; or the ranking's own config is wrong.
    """
    from affect_jax.config.load import resolve_document  # which imports this module

    pair = document["corpus"].get("pair")
    if pair:
        raise UserError(
            f"config.corpus.pair is {pair!r}, but this config finds the pair by itself; leave it out, or choose a "
            "config that names one"
        )
    shared = {name: document[name] for name in ("corpus", "engine")}
    rest = {key: value for key, value in document.items() if key != "ranking"}
    # Flags below `ranking` are the ranking's own.
    own = {path.removeprefix("ranking.") for path in given if path.startswith(("ranking.", "corpus.", "engine."))}
    ranking = resolve_document({**document["ranking"], **shared}, remarks, own)
    return Undecided(ranking, rest, remarks, frozenset(path for path in given if not path.startswith("ranking.")))


def decide_pair(undecided: Undecided, means: Mapping[str, float], sign: float) -> Decision:
    """The config with the pair that the ranking suggests.

    Args:
      undecided: of `split_ranking`.
      means: study of the ranking -> mean validation score of its variant.
      sign: +1 where a larger score is better.
    """
    modality_of = map_single_modalities(undecided.ranking.document)
    order = sorted(means, key=lambda study: (-sign * means[study], modality_of[study]))
    scores = {modality_of[study]: means[study] for study in order}
    studies = {modality_of[study]: study for study in order}
    strongest, *_, weakest = scores
    document = undecided.document
    pair = (weakest, strongest)
    if document["corpus"]["name"] in OWN:
        document = {**document, "corpus": {**document["corpus"], "pair": "+".join(pair)}}
    else:
        name = f"{document['name']}: {strongest} teaches {weakest}"
        document = {**apply_pair(document, pair, {}), "name": name}
    layers = {m: _find_gru_layers(undecided.ranking, study) for m, study in studies.items()}
    if all(layers.values()):
        model = {"weaker_gru_layers": layers[weakest], "stronger_gru_layers": (layers[strongest],)}
        document = {**document, "model": {**document["model"], **model}}
    return Decision(scores, document)


def _find_gru_layers(ranking: Experiment, study: str) -> int | None:
    """GRU layers of the encoder that a study of the ranking has, where its model has such."""
    shared = {"model": ranking.document["model"]}
    changes = {"model": ranking.document["studies"][study].get("model", {})}
    return merge_changes(shared, changes)["model"].get("weaker_gru_layers")
