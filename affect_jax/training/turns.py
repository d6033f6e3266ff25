"""Turns of a stage in the engine: one turn's update is that of a stage that trains its submodules by its losses.

The updates of a cycle are unrolled inside one step, on one batch. Nothing then branches on whose turn it is: under
`vmap` a `switch` with an index a trial runs all its branches, so a step would cost the sum of all turns for one of
them. Each turn differentiates only what it trains, and XLA leaves out what its losses do not read.
"""

from collections.abc import Collection
from typing import NamedTuple

from affect_jax.config.hyper import Hyper
from affect_jax.config.stages import Stage
from affect_jax.config.turns import ALL, Turn
from affect_jax.data import moddrop
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.training import keys
from affect_jax.training.plans import StagePlan
from affect_jax.training.state import TrialState
from affect_jax.training.trials import TrialArrays
from affect_jax.types import Array, Batch, Params


class UpdateInputs(NamedTuple):
    """What one update takes, see `step.train_step`."""

    plan: StagePlan
    trial: TrialArrays
    frozen: Params
    state: TrialState
    batch: Batch
    key: Array


def list_cycle(stage: Stage) -> tuple[Turn, ...]:
    """The turns of a cycle, in order."""
    turns = {turn.name: turn for turn in stage.turns}
    return tuple(turns[name] for name in stage.cycle)


def select_trained(turn: Turn, params: Params) -> Params:
    """Those of a stage's submodules that the turn trains."""
    return {name: submodule for name, submodule in params.items() if ALL in turn.train or name in turn.train}


def select_stage(stage: Stage, turn: Turn) -> Stage:
    """A stage that is the turn alone."""
    optimizer = turn.optimizer._asdict() if turn.optimizer else {}
    return stage._replace(train=turn.train, terms=turn.terms, turns=(), cycle=(), **optimizer)


def select_rates(hyper: Hyper, turn: Turn) -> Hyper:
    """The stage's numbers with the rates of the turn."""
    return hyper._replace(**hyper.turns[turn.name]._asdict()) if turn.optimizer else hyper


def enter_turn(inputs: UpdateInputs, turn: Turn, place: int) -> UpdateInputs:
    """The update at `place` of a cycle, as one of a stage of its own: what the turn does not train is frozen."""
    plan, trial, frozen, state, batch, key = inputs
    stage, params = plan.stage.name, select_trained(turn, state.params)
    still = {name: submodule for name, submodule in state.params.items() if name not in params}
    absent = [m for m in batch["inputs"] if turn.modalities and m not in turn.modalities]
    return UpdateInputs(
        plan=plan._replace(stage=select_stage(plan.stage, turn)),
        trial=trial.replace(hyper={stage: select_rates(trial.hyper[stage], turn)}),
        frozen={**frozen, **still},
        state=state.replace(params=params, opt_state=state.opt_state[turn.name]),
        batch=moddrop.remove_modalities(batch, absent) if absent else batch,
        # By its place: a turn that comes twice draws twice.
        key=keys.derive_key(key, f"{stage}/turn", place),
    )


def merge_turn(state: TrialState, turn: Turn, after: TrialState) -> TrialState:
    """The stage's state behind a turn, whose own state is then `after`."""
    return state.replace(
        params={**state.params, **after.params},
        statistics=after.statistics,
        opt_state={**state.opt_state, turn.name: after.opt_state},
        loss_state={**state.loss_state, **after.loss_state},
    )


def check_turns(stage: Stage, submodules: Collection[str], modalities: Collection[str]) -> None:
    """Compares the names in a stage's turns with the model's submodules and the corpus' modalities.

    Raises:
      UserError: a turn names what is not there, or the stage trains all submodules and no turn some of them.
    """
    where = f"config.stages.{stage.name}"
    for turn in stage.turns:
        for kind, names, known in (("trains", turn.train, submodules), ("reads", turn.modalities, modalities)):
            for name in sorted(set(names) - {*known, ALL}):
                raise UserError(
                    f"{where}.turns.{turn.name} {kind} {name!r}{suggest_nearest(name, known)}, which is not there; "
                    f"there are {join_words(sorted(known))}"
                )
    trained = {name for turn in stage.turns for name in turn.train}
    if stage.turns and ALL in stage.train and ALL not in trained:
        for name in sorted(set(submodules) - trained):
            raise UserError(
                f"{where} trains all submodules, but no turn trains {name!r}; name it in one of them, or write the "
                f"submodules that train out in {where}.train"
            )
