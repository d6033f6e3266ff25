"""Turns of a stage: updates that alternate, each of its own submodules, by its own losses and optimizer.

    turns = dict(
        judge=dict(train=('discriminator',), losses=('judging',), optimizer=base.adam(1e-4)),
        fool=dict(train=('hallucination',), losses=('fooling', 'prediction')),
    )
    cycle = ('judge', 'fool')

Every batch of an epoch gets the whole cycle, so each turn sees all examples in every epoch.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from affect_jax.config.losses import OPPOSED, Term
from affect_jax.errors import UserError, join_words, suggest_nearest

ALL = "*"


class Turn(NamedTuple):
    """The static part of a turn. Its traced numbers are a `Rates` where it has an optimizer of its own.

    Attributes:
      name: key in config.stages.<stage>.turns.
      train: submodules that it trains, or `*` for all that the stage does; the others stand still meanwhile and run
        deterministically.
      terms: its losses, of those of the stage.
      optimizer: settings of its own; None for those of the stage, of which it then has a state of its own.
      modalities: that the model sees; () for all.
    """

    name: str
    train: tuple[str, ...]
    terms: tuple[Term, ...]
    optimizer: "TurnOptimizer | None" = None
    modalities: tuple[str, ...] = ()


class TurnOptimizer(NamedTuple):
    """The static part of an optimizer, by the names of `Stage`."""

    optimizer: str
    epsilon: float
    schedule: str
    warmup: float


def parse_turns(
    stage: str, config: Mapping[str, Any], terms: tuple[Term, ...], optimizers: Mapping[str, TurnOptimizer]
) -> tuple[tuple[Turn, ...], tuple[str, ...]]:
    """Reads `config.stages.<stage>.turns` and `.cycle`.

    Args:
      stage: its name.
      config: of the stage.
      terms: its losses.
      optimizers: turn -> its own.

    Returns:
      (turns, sorted by name; the cycle), both () for a stage without.

    Raises:
      UserError: turns, cycle, submodules and losses do not fit each other.
    """
    settings, cycle = config.get("turns") or {}, tuple(config.get("cycle") or ())
    _check_cycle(stage, settings, cycle)
    by_name = {term.name: term for term in terms}
    for name, turn in settings.items():
        where = f"config.stages.{stage}.turns.{name}"
        if not turn["train"]:
            raise UserError(f"{where} trains nothing; name submodules in {where}.train")
        if not turn["losses"]:
            raise UserError(f"{where} has no losses; name some of config.stages.{stage}.losses")
        _check_known(f"{where}.losses names", turn["losses"], by_name, f"config.stages.{stage}.losses")
        if ALL not in config["train"]:
            frozen = sorted(set(turn["train"]) - {ALL, *config["train"]})
            if frozen:
                raise UserError(
                    f"{where} trains {frozen[0]!r}{suggest_nearest(frozen[0], config['train'])}, which the stage "
                    f"freezes; config.stages.{stage}.train has {join_words(config['train'])}"
                )
    turns = tuple(
        Turn(
            name=name,
            train=tuple(settings[name]["train"]),
            terms=tuple(by_name[loss] for loss in sorted(set(settings[name]["losses"]))),
            optimizer=optimizers.get(name),
            modalities=tuple(settings[name].get("modalities") or ()),
        )
        for name in sorted(settings)
    )
    if turns:
        _check_all_used(stage, turns, terms, tuple(config["train"]))
    _check_opposed(stage, turns, terms)
    return turns, cycle


def _check_cycle(stage: str, turns: Collection[str], cycle: tuple[str, ...]) -> None:
    """Raises UserError where the cycle is not one of all turns, of which there are two or more."""
    where = f"config.stages.{stage}"
    if len(turns) == 1:
        raise UserError(f"{where} has one turn, {next(iter(turns))!r}; turns alternate, so name two or more, or none")
    _check_known(f"{where}.cycle names", cycle, turns, f"{where}.turns")
    missing = sorted(set(turns) - set(cycle))
    if missing:
        raise UserError(
            f"the turn {missing[0]!r} is not in {where}.cycle, {cycle}; write the turns in order, one that makes "
            f"several updates in a row as often, such as {tuple(sorted(turns))}"
        )


def _check_known(reader: str, names: Collection[str], known: Collection[str], where: str) -> None:
    for name in sorted(set(names) - set(known)):
        raise UserError(f"{reader} {name!r}{suggest_nearest(name, known)}; {where} has {join_words(sorted(known))}")


def _check_all_used(stage: str, turns: tuple[Turn, ...], terms: tuple[Term, ...], train: tuple[str, ...]) -> None:
    """Raises UserError where a loss, a submodule or the optimizer of the stage is that of no turn."""
    where = f"config.stages.{stage}"
    used = {term.name for turn in turns for term in turn.terms}
    for term in terms:
        if term.name not in used:
            raise UserError(
                f"the loss {term.name!r} of stage {stage!r} is in no turn; name it in the losses of one of "
                f"{join_words(turn.name for turn in turns)}, or set it to None"
            )
    trained = {name for turn in turns for name in turn.train}
    idle = sorted(set(train) - trained - {ALL}) if ALL not in trained else []
    if idle:
        raise UserError(f"{where}.train names {idle[0]!r}, which no turn trains; name it in one, or leave it out")
    if all(turn.optimizer for turn in turns):
        raise UserError(
            f"every turn of stage {stage!r} has an optimizer of its own, so nothing reads {where}.optimizer; leave "
            f"that of one turn out, such as {where}.turns.{turns[-1].name}.optimizer, which then is the stage's"
        )


def _check_opposed(stage: str, turns: tuple[Turn, ...], terms: tuple[Term, ...]) -> None:
    """Raises UserError where losses that oppose each other are not in turns of different submodules."""
    of_kind = {kind: [term for term in terms if term.kind == kind] for kind in OPPOSED}
    (judge, judging), (fool, fooling) = of_kind.items()
    if not fooling:
        return  # a reversed gradient is an adversary without a turn of its own
    if not judging:
        raise UserError(
            f"stage {stage!r} has the loss {fooling[0].name!r} of kind {fool!r}, but nothing learns to be fooled; add "
            f"a loss of kind {judge!r}, in a turn that trains the discriminator"
        )
    if not turns:
        raise UserError(
            f"the losses {judging[0].name!r} and {fooling[0].name!r} of stage {stage!r} oppose each other, so each "
            f"needs its own turn and optimizer; give config.stages.{stage}.turns and .cycle (docs/studies.md)"
        )
    for turn in (turn for turn in turns if any(term.kind == judge for term in turn.terms)):
        for other in (turn for turn in turns if any(term.kind == fool for term in turn.terms)):
            both = sorted(set(turn.train) & set(other.train))
            if turn is other or both or ALL in (*turn.train, *other.train):
                raise UserError(
                    f"the losses {judging[0].name!r} and {fooling[0].name!r} of stage {stage!r} oppose each other, "
                    f"but turns {turn.name!r} and {other.name!r} train {join_words(both or (ALL,))} by both; let the "
                    "one train the discriminator alone and the other what fools it"
                )
