"""What a stage needs before its first epoch: shapes, initial parameters, and the check of every name in its config."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.config.hyper import Hyper
from affect_jax.config.stages import Stage
from affect_jax.data import buckets, packing
from affect_jax.data.buckets import Bucket
from affect_jax.data.corpus import Corpus, take_batch
from affect_jax.data.folds import FoldedCorpus, Folds
from affect_jax.data.packing import Packing
from affect_jax.data.streaming import Source
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.choices import CHOICES
from affect_jax.training import batching, compact_random, keys, mesh, objective, step, turns
from affect_jax.training.augmentation import check_augment
from affect_jax.training.averaging import start_average
from affect_jax.training.engine import Engine, assign_slots
from affect_jax.training.optimizer import make_transform
from affect_jax.training.state import TrialState, create_state
from affect_jax.training.trials import Trial, TrialArrays
from affect_jax.types import Array, Batch, Params


class Shapes(NamedTuple):
    """A model on a corpus as shapes (`jax.ShapeDtypeStruct`), nothing of which was run.

    Attributes:
      params: of a trial, with the statistics.
      outputs: of the model.
      batch: of two examples.
      shared: submodules of which all trials read one copy, `Model.shared`.
    """

    params: Params
    outputs: dict[str, Any]
    batch: Batch
    shared: Params


def trace_shapes(model: nn.Module, corpus: Corpus | Source, folds: Folds) -> Shapes:
    """Shapes of the model's parameters and outputs, and of a batch of two examples."""
    # A streamed corpus has no frames to gather from, only a cut-out of two examples for this purpose.
    data = FoldedCorpus(corpus.example if isinstance(corpus, Source) else corpus, folds)
    leaves, structure = jax.tree.flatten(data)
    return _trace_model(model, structure, tuple((np.shape(x), np.dtype(x.dtype)) for x in leaves))


@functools.lru_cache(maxsize=64)
def _trace_model(model: nn.Module, structure: Any, leaves: tuple[tuple[tuple[int, ...], np.dtype], ...]) -> Shapes:
    """`trace_shapes` of a corpus of these shapes. Cached: what is said of a study and what trains it ask alike."""

    def trace(data: FoldedCorpus) -> Shapes:
        batch = take_batch(data.corpus, jnp.zeros(2, jnp.int32), *data.folds.select_moments(0))
        outputs, variables = model.init_with_output(jax.random.key(0), batch["inputs"], batch["masks"], train=False)
        own, shared = split_shared(model, step.join_variables(variables))
        return Shapes(own, outputs, batch, shared)

    # Nothing is compiled or run: a wrong name in a config should be told in a second, not after XLA.
    return jax.eval_shape(trace, structure.unflatten([jax.ShapeDtypeStruct(*leaf) for leaf in leaves]))


def split_shared(model: nn.Module, params: Params) -> tuple[Params, Params]:
    """(submodules of a trial, submodules of which all trials read one copy: those that the model calls `shared`)."""
    names = getattr(model, "shared", ())
    return {k: v for k, v in params.items() if k not in names}, {k: v for k, v in params.items() if k in names}


def load_shared(model: nn.Module) -> Params:
    """What all trials read one copy of, on the host; {} for most models.

    Raises:
      UserError: its files cannot be read.
    """
    return split_shared(model, model.load_submodules())[1] if hasattr(model, "load_submodules") else {}


def check_stages(model: nn.Module, stages: Sequence[Stage], corpus: Corpus | Source, folds: Folds) -> None:
    """Compares every name in the stages with what the model has.

    Raises:
      UserError: a loss or monitor names an output that does not exist, or a stage a submodule that does not.
    """
    shapes = trace_shapes(model, corpus, folds)
    for stage in stages:
        objective.check_names(stage.terms, objective.collect_names(shapes.outputs, shapes.batch))
        objective.check_name(f"stage {stage.name!r} monitors", stage.prediction, shapes.outputs)
        for submodule in set(stage.train) - {"*"}:
            objective.check_name(f"stage {stage.name!r} trains", submodule, shapes.params)
        turns.check_turns(stage, [name for name in shapes.params if name != step.STATISTICS], corpus.inputs)
        for submodule in stage.rated:
            objective.check_name(f"stage {stage.name!r} has a rate of", submodule, shapes.params)
        check_augment(stage, corpus)
        for modality in {name for names in stage.moddrop for name in names} - set(corpus.inputs):
            raise UserError(
                f"stage {stage.name!r} has Moddrop with {modality!r}{suggest_nearest(modality, corpus.inputs)}; "
                f"config.data.modalities has {join_words(sorted(corpus.inputs))}"
            )


@functools.lru_cache(maxsize=16)
def _init_program(model: nn.Module, devices: jax.sharding.Mesh, at_once: int) -> Callable[..., Any]:
    def init(batch: Batch, seed: Array) -> Params:
        # Not of the stage or the variant: trials of one seed must start alike to be compared.
        key = compact_random.make_compact(keys.derive_key(jax.random.key(seed), "init"))
        variables = model.init(key, batch["inputs"], batch["masks"], train=False)
        return split_shared(model, step.join_variables(variables))[0]

    return mesh.map_over_trials(devices, at_once, init)


def init_params(model: nn.Module, data: FoldedCorpus, trials: Sequence[Trial], engine: Engine) -> Params:
    """Each trial's initial parameters, leaves [R, ...] on the host: from its seed, and of a pretrained model from its
    files."""
    slots = assign_slots(range(len(trials)), engine)
    seeds = np.array([trials[i].seed for i in slots], np.int32)
    # Only the shapes of a batch matter.
    batch = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), trace_shapes(model, data.corpus, data.folds).batch)
    program = _init_program(model, *engine.program_key)
    params = program(mesh.replicate(engine.mesh, batch), mesh.shard_trials(engine.mesh, seeds))
    # Behind the trials are the copies that fill the slots.
    params = jax.tree.map(lambda x: x[: len(trials)], mesh.to_host(params))
    loaded = split_shared(model, model.load_submodules())[0] if hasattr(model, "load_submodules") else {}
    return params | jax.tree.map(lambda x: np.broadcast_to(x, (len(trials), *x.shape)), loaded)


def set_choices(params: Params, trials: Sequence[Trial], stage: str) -> Params:
    """`params`, leaves [R, ...], with what the stage of R trials sets of a model's choices (`layers.choices`)."""
    names = trials[0].hyper[stage].choices
    if not names:
        return params
    numbers = {name: np.array([trial.hyper[stage].choices[name] for trial in trials], np.float32) for name in names}
    statistics = params[step.STATISTICS]
    return {**params, step.STATISTICS: {**statistics, CHOICES: {**statistics[CHOICES], **numbers}}}


def init_states(
    plan: step.StagePlan, data: FoldedCorpus, params: Params, statistics: Params, trials: TrialArrays
) -> TrialState:
    """States of S trials before a stage, leaves [S, ...] on the host; `params` are what the stage trains."""
    shapes = trace_shapes(plan.model, data.corpus, data.folds)
    names = objective.collect_names(shapes.outputs, shapes.batch)
    loss_state = objective.init_loss_state(plan.stage.terms, names)

    def init(params: Params, hyper: Hyper) -> Any:
        if not plan.stage.turns:
            return make_transform(plan.stage, hyper).init(params)
        states = {}
        for turn in plan.stage.turns:
            transform = make_transform(turns.select_stage(plan.stage, turn), turns.select_rates(hyper, turn))
            states[turn.name] = transform.init(turns.select_trained(turn, params))
        return states

    # Every optimizer starts from zeros (see `_DIRECTIONS`): a program for them would be compiled anew for each stage.
    of_trials = jax.eval_shape(jax.vmap(init), params, trials.hyper[plan.stage.name])
    opt_state = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), of_trials)
    # The rest is alike for all trials. On the host, as jnp would compile a program for each shape.
    one, count = create_state({}, {}, (), loss_state), len(trials.seed)
    state = jax.tree.map(lambda x: np.broadcast_to(x, (count, *x.shape)), one)
    state = state.replace(params=params, statistics=statistics, opt_state=opt_state, best={**params, **statistics})
    state = state.replace(average=start_average(plan.stage, {**params, **statistics}, count))
    # A CPU device may use the memory of these arrays instead of copying it, and programs write the next state over a
    # state that they are given: no two leaves may share memory, as `params` and `best` do here.
    return jax.tree.map(np.array, state)


def arrange_folds(
    model: nn.Module, stages: Sequence[Stage], corpus: Corpus | Source, folds: Folds, engine: Engine
) -> Folds:
    """The folds with their examples in buckets of similar lengths, where the engine asks for some and they save much.

    Sequences that are packed in any stage stay together.
    """
    train = np.asarray(folds.train), ()
    if not any(_plan_packing(model, stage, FoldedCorpus(corpus, folds)) for stage in stages):
        train = arrange_rows(model, corpus, folds.train, engine, _count_least(model, stages, corpus, folds))
    # A streamed corpus is predicted in chunks of one shape.
    validation = np.asarray(folds.validation), ()
    if not isinstance(corpus, Source):
        validation = arrange_rows(model, corpus, folds.validation, engine)
    if not train[1] and not validation[1]:
        return folds
    return folds.replace(
        train=jnp.asarray(train[0]),
        train_buckets=train[1],
        validation=jnp.asarray(validation[0]),
        validation_buckets=validation[1],
    )


def _count_least(model: nn.Module, stages: Sequence[Stage], corpus: Corpus | Source, folds: Folds) -> int:
    """The least number of training examples in a bucket: several where a loss or batch norm needs them."""
    has_statistics = step.STATISTICS in trace_shapes(model, corpus, folds).params
    demanding = [stage for stage in stages if has_statistics or objective.needs_several(stage.terms)]
    return max((batching.count_few(stage.batch) for stage in demanding), default=1)


def arrange_rows(
    model: nn.Module, corpus: Corpus | Source, rows: Array, engine: Engine, least: int = 1
) -> tuple[np.ndarray, tuple[Bucket, ...]]:
    """`buckets.arrange_examples` of the examples `rows` int32 [K, n], as far as the model ignores padding."""
    rows = np.asarray(rows)
    # Batches that devices share must divide among them, and those of a bucket may be small.
    if engine.buckets < 2 or engine.mesh.shape["data"] > 1:
        return rows, ()
    has_steps = corpus.target.steps is not None
    steps = {m: stream.steps for m, stream in corpus.inputs.items()}
    names = buckets.list_narrowed(steps, getattr(model, "reads_padding", ()), has_steps=has_steps)
    lengths = {m: np.asarray(corpus.inputs[m].length) for m in names}
    if getattr(model, "aligned", False) and lengths:  # whose modalities stay on one clock
        lengths = dict.fromkeys(lengths, np.maximum.reduce(list(lengths.values())))
    return buckets.arrange_examples(lengths, rows, engine.buckets, has_steps=has_steps, least=least)


def plan_stage(model: nn.Module, stage: Stage, task: str, data: FoldedCorpus, engine: Engine) -> step.StagePlan:
    """The static part of a stage's programs."""
    updates = batching.count_updates(stage, data.folds) if stage.follows_schedule else ()
    return step.StagePlan(model, stage, task, engine.eval_size, _plan_packing(model, stage, data), updates)


def _plan_packing(model: nn.Module, stage: Stage, data: FoldedCorpus) -> Packing | None:
    """How training examples share packed sequences, for a model of sequences that can tell them apart."""
    corpus, folds, _ = data
    if corpus.target.steps is None or "segments" not in inspect.signature(model.__call__).parameters:
        return None
    if folds.train_buckets:  # which there are only where packing saves too little
        return None
    lengths, train = np.asarray(corpus.target.length), np.asarray(folds.train)
    size = batching.cut_batches(train[0], stage.batch).shape[1]  # may be smaller than stage.batch
    return packing.plan_packing([lengths[fold[fold >= 0]] for fold in train], size)
