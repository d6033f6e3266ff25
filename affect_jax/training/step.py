"""One update, one epoch and one prediction of one trial: free functions, traced once for all trials of a study."""

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from affect_jax import metrics
from affect_jax.config.losses import import_own
from affect_jax.config.stages import Stage, list_own_metrics, metric_sign
from affect_jax.data import moddrop
from affect_jax.data.buckets import Bucket, list_segments
from affect_jax.data.corpus import Corpus, take_batch
from affect_jax.data.folds import FoldedCorpus, Moments
from affect_jax.layers.spread import count_devices
from affect_jax.training import accumulation, keys, objective, optimizer, precision, turns
from affect_jax.training.augmentation import augment_batch
from affect_jax.training.averaging import follow_average, select_weights
from affect_jax.training.batching import cut_batches, list_batches, order_epoch
from affect_jax.training.mesh import shard_batch
from affect_jax.training.plans import PredictionPlan, StagePlan
from affect_jax.training.state import TrialState
from affect_jax.training.trials import TrialArrays
from affect_jax.types import Array, Batch, Params

STATISTICS = "batch_stats"
"""The flax collection of batch norm's running moments, and its name among a trial's submodules."""


class ForwardPass(NamedTuple):
    """What the forward pass of a training batch gives beside the loss.

    Attributes:
      terms: loss term -> its unweighted value.
      loss_state: of the stateful losses, after this batch.
      statistics: running moments after this batch; {} for a model without.
      outputs: the model's, in its own order.
    """

    terms: dict[str, Array]
    loss_state: objective.LossState
    statistics: Params
    outputs: OrderedDict[str, Array]


class Gradients(NamedTuple):
    """One training batch: the weighted sum of its losses, what the forward pass gave, and the gradients.

    Attributes:
      loss: float32 [].
      forward: beside it.
      params: gradients of the trained parameters.
    """

    loss: Array
    forward: ForwardPass
    params: Params


class BatchLog(NamedTuple):
    """What an epoch has to log of its N batches.

    Attributes:
      terms: loss term, and `loss` for their sum -> float32 [N].
      counts: int32 [N], examples of each batch.
    """

    terms: dict[str, Array]
    counts: Array


class Predictions(NamedTuple):
    """What a model says of n examples, and what is true.

    Attributes:
      outputs: name -> [n, T, ...] or [n, ...]; outputs of classes are logits with a class axis behind.
      target: [n, T] or [n].
      mask: bool of that shape, which steps count.
    """

    outputs: dict[str, Array]
    target: Array
    mask: Array


def join_variables(variables: dict[str, Params]) -> Params:
    """Flax variables -> a trial's submodules: parameters by name, and the statistics as one entry more."""
    statistics = {STATISTICS: variables[STATISTICS]} if STATISTICS in variables else {}
    return {**variables["params"], **statistics}


def split_variables(submodules: Params) -> dict[str, Params]:
    """The inverse of `join_variables`: what `model.apply` takes."""
    params = {k: v for k, v in submodules.items() if k != STATISTICS}
    return {"params": params, STATISTICS: submodules[STATISTICS]} if STATISTICS in submodules else {"params": params}


def split_submodules(submodules: Params, train: tuple[str, ...]) -> tuple[Params, Params, Params]:
    """(trained, statistics, frozen) by top-level name; `*` trains all parameters."""
    trained = {k: v for k, v in submodules.items() if k != STATISTICS and (k in train or "*" in train)}
    statistics = {k: v for k, v in submodules.items() if k == STATISTICS}
    return trained, statistics, {k: v for k, v in submodules.items() if k not in trained and k not in statistics}


def compute_gradients(
    plan: StagePlan, trial: TrialArrays, frozen: Params, state: TrialState, batch: Batch, key: Array
) -> Gradients:
    """Runs one training batch forward and backward; arguments as in `train_step`.

    Where the stage's precision is bfloat16, so are the model's forward and backward pass here; outputs, losses,
    statistics and gradients are float32. Predictions, and so validation scores and tests, are always float32.
    """
    stage, hyper = plan.stage, trial.hyper[plan.stage.name]
    batch = augment_batch(stage, hyper.augment, batch, key, state.updates)
    rngs = {"dropout": keys.derive_key(key, f"{stage.name}/dropout", state.updates)}
    # Only models that can tell packed sequences apart take `segments`.
    packed = {"segments": batch["segments"]} if "segments" in batch else {}

    def compute_loss(params: Params) -> tuple[Array, ForwardPass]:
        submodules, inputs = precision.lower_precision(
            stage.precision, {**frozen, **params}, batch["inputs"], getattr(plan.model, "counted", ())
        )
        outputs, updated = plan.model.apply(
            split_variables({**submodules, **state.statistics}),
            inputs,
            batch["masks"],
            train=True,
            dropout=hyper.dropout,
            frozen=tuple(sorted(frozen)),
            rngs=rngs,
            mutable=[STATISTICS],
            **packed,
        )
        outputs = precision.raise_precision(outputs)
        losses = objective.total_loss(stage.terms, hyper.loss_weights, outputs, batch, state.loss_state)
        statistics = updated if state.statistics else {}
        # JAX sorts the keys of a dict whenever it passes through a transformation. The search for the first tensor
        # that is not finite needs the model's own order, which an OrderedDict keeps.
        return losses.total, ForwardPass(losses.terms, losses.state, statistics, OrderedDict(outputs))

    (loss, forward), gradients = jax.value_and_grad(compute_loss, has_aux=True)(state.params)
    return Gradients(loss, forward, gradients)


def add_gradients(
    plan: StagePlan, trial: TrialArrays, frozen: Params, state: TrialState, batch: Batch, key: Array
) -> Gradients:
    """`compute_gradients`, without outputs, piece after piece where the stage cuts its batches."""
    if plan.stage.pieces == 1:
        return compute_gradients(plan, trial, frozen, state, batch, key)

    def compute(piece: Batch, statistics: Params, key: Array) -> tuple[Any, Params]:
        own = compute_gradients(plan, trial, frozen, state.replace(statistics=statistics), piece, key)
        return (own.loss, own.forward.terms, own.params), own.forward.statistics

    sums, statistics = accumulation.add_over_pieces(compute, batch, plan.stage.pieces, state.statistics, key)
    return Gradients(sums[0], ForwardPass(sums[1], state.loss_state, statistics, OrderedDict()), sums[2])


def train_step(
    plan: StagePlan,
    trial: TrialArrays,
    frozen: Params,
    state: TrialState,
    batch: Batch,
    key: Array,
    *,
    weight: Array | None = None,
) -> tuple[TrialState, dict[str, Array]]:
    """One optimizer update on one batch. A batch without a valid step changes nothing.

    An update whose loss, parameters or statistics are not finite is not made; the trial stands still from then on.

    Args:
      plan: model and stage.
      trial: this trial's hyper-parameters (scalars).
      frozen: submodules that are not trained.
      state: before the update.
      batch: the examples.
      key: the trial's root key.
      weight: factor of the gradients, for batches of several sizes; None for 1.

    Returns:
      The state after it, and each loss term's value beside `loss`, their weighted sum.
    """
    if plan.stage.turns:
        updated, losses, terms = run_cycle(plan, trial, frozen, state, batch, key, weight=weight)
    else:
        updated, loss, terms = make_update(plan, trial, frozen, state, batch, key, weight=weight)
        losses = [loss]
    updated = updated.replace(
        average=follow_average(plan.stage, trial, state, {**updated.params, **updated.statistics}),
        updates=state.updates + 1,
        finite=state.finite & are_finite((losses, updated.params, updated.statistics)),
    )
    # Selecting leaf by leaf, instead of branching, costs nothing in a scan and works under vmap.
    has_steps = batch["mask"].any()
    is_made = has_steps & updated.finite
    # What no update touches, such as the best weights, is passed on as it is.
    after = jax.tree.map(lambda new, old: old if new is old else jax.lax.select(is_made, new, old), updated, state)
    # The flag itself must survive the update that was not made.
    after = after.replace(finite=jnp.where(has_steps, updated.finite, state.finite))
    return after, {**terms, "loss": sum(losses[1:], losses[0])}


def are_finite(tree: Any) -> Array:
    """bool: all of all tensors is finite."""
    # XLA makes a chain of `and`s of `all` and copies it into the kernel of every tensor that is then selected: as many
    # operations as the square of the number of tensors. With the place of the first False, the last one, it does not.
    flags = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]
    return jnp.argmin(jnp.stack([*flags, jnp.array(False)])) == len(flags)


def make_update(
    plan: StagePlan, trial: TrialArrays, frozen: Params, state: TrialState, batch: Batch, key: Array, *, weight: Any
) -> tuple[TrialState, Array, dict[str, Array]]:
    """(the state behind one update, its loss, each loss term); arguments as in `train_step`."""
    loss, forward, gradients = add_gradients(plan, trial, frozen, state, batch, key)
    if weight is not None:
        gradients = jax.tree.map(lambda gradient: weight * gradient, gradients)
    params, opt_state = apply_update(plan, trial, state, gradients)
    after = state.replace(
        params=params, statistics=forward.statistics, opt_state=opt_state, loss_state=forward.loss_state
    )
    return after, loss, forward.terms


def run_cycle(
    plan: StagePlan, trial: TrialArrays, frozen: Params, state: TrialState, batch: Batch, key: Array, *, weight: Any
) -> tuple[TrialState, list[Array], dict[str, Array]]:
    """(the state behind the updates of a cycle, their losses, each term where it was first); else as `make_update`."""
    losses, terms = [], {}
    for place, turn in enumerate(turns.list_cycle(plan.stage)):
        inputs = turns.enter_turn(turns.UpdateInputs(plan, trial, frozen, state, batch, key), turn, place)
        after, loss, values = make_update(*inputs, weight=weight)
        state, terms = turns.merge_turn(state, turn, after), {**values, **terms}
        losses.append(loss)
    return state, losses, terms


def apply_update(plan: StagePlan, trial: TrialArrays, state: TrialState, gradients: Params) -> tuple[Params, Any]:
    """(parameters, optimizer's state) one step along the gradients."""
    stage = plan.stage
    hyper = trial.hyper[stage.name]
    if hyper.clip is not None:
        gradients = optimizer.clip_gradients(gradients, hyper.clip)
    # The transform is made inside the trace, because its hyper-parameters are traced.
    directions, opt_state = optimizer.make_transform(stage, hyper).update(gradients, state.opt_state, state.params)
    rate = optimizer.compute_learning_rate(hyper, state.scale, state.updates)
    if stage.schedule != "constant":
        total = jnp.array(plan.updates)[trial.fold] * stage.epochs
        rate *= optimizer.schedule_rate(stage.schedule, stage.warmup, state.updates, total)
    return optax.apply_updates(state.params, optimizer.scale_directions(directions, rate, hyper.rates)), opt_state


def predict_examples(
    plan: PredictionPlan, params: Params, corpus: Corpus, index: Array, moments: Moments
) -> Predictions:
    """Predicts the examples `index` int32 [n] (-1 for padding), `plan.size` at a time."""

    def predict_bucket(index: Array, bucket: Bucket | None) -> Predictions:
        def predict(batch: Array) -> Predictions:
            return predict_batch(plan, params, corpus, batch, moments, bucket)

        # Batches divide among the devices that share them; what that adds to the last one is cut off again.
        batches = jax.lax.map(predict, cut_batches(index, plan.size, count_devices()))
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[: index.shape[0]], batches)

    if not plan.buckets:
        return predict_bucket(index, None)
    columns = zip(list_segments(plan.buckets), plan.buckets, strict=True)
    pieces = [predict_bucket(index[segment], bucket) for segment, bucket in columns]
    if corpus.target.steps is not None:  # a prediction a step: behind the shorter buckets there is padding
        pieces = [jax.tree.map(lambda x: _pad_steps(x, corpus.target.steps), piece) for piece in pieces]
    return jax.tree.map(lambda *of_buckets: jnp.concatenate(of_buckets), *pieces)


def _pad_steps(values: Array, steps: int) -> Array:
    """[n, t, ...] -> [n, steps, ...], zeros behind."""
    return jnp.pad(values, ((0, 0), (0, steps - values.shape[1]), *((0, 0) for _ in values.shape[2:])))


def predict_batch(
    plan: PredictionPlan,
    params: Params,
    corpus: Corpus,
    index: Array,
    moments: Moments,
    bucket: Bucket | None = None,
) -> Predictions:
    """Predicts one batch of examples `index` int32 [B], of one bucket where there are several."""
    examples = take_batch(corpus, index, *moments, bucket=bucket)
    batch = moddrop.remove_modalities(shard_batch(examples), plan.absent)
    outputs = plan.model.apply(split_variables(params), batch["inputs"], batch["masks"], train=False)
    return Predictions({name: outputs[name] for name in plan.outputs}, batch["target"], batch["mask"])


def take_training_batch(
    plan: StagePlan, data: FoldedCorpus, fold: Array, index: Array, bucket: Bucket | None = None
) -> Batch:
    """The training batch of one row `index` int32 [B] of `order_epoch`, of a bucket where there are several."""
    combinations = plan.stage.moddrop
    example, combination = moddrop.split_combination(index, len(combinations)) if combinations else (index, None)
    moments = data.folds.select_moments(fold)
    batch = shard_batch(take_batch(data.corpus, example, *moments, plan.packing, bucket))
    return moddrop.apply_moddrop(batch, combination, combinations) if combinations else batch


def run_epoch(
    plan: StagePlan, data: FoldedCorpus, trial: TrialArrays, frozen: Params, state: TrialState
) -> tuple[TrialState, dict[str, Array]]:
    """One epoch of one trial: a scan over shuffled batches, then the validation score. A stopped trial stands still.

    Returns:
      The state, and a log of scalars: the mean of every loss term, `validation/<metric>`, `scale`.
    """
    # Under `jit`, so that `keep_state` and `cond` share one trace of it; inlined, it leaves no trace in the program.
    train = jax.jit(functools.partial(_train_epoch, plan, data, trial, frozen), inline=True)
    return jax.lax.cond(state.live, train, functools.partial(keep_state, train), state)


def _train_epoch(
    plan: StagePlan, data: FoldedCorpus, trial: TrialArrays, frozen: Params, state: TrialState
) -> tuple[TrialState, dict[str, Array]]:
    update = prepare_updates(plan, data, trial, frozen)
    order = order_epoch(plan.stage, data.folds, trial, state.epoch)
    number_of = jnp.arange(order.shape[0]) if data.folds.train_buckets else None
    # One scan, one program: a loop on the host would launch each update and wait for Python in between.
    state, log = jax.lax.scan(lambda state, row: update(state, *row), state, (order, number_of))
    params = {**frozen, **select_weights(state)}
    examples, moments = data.folds.validation[trial.fold], data.folds.select_moments(trial.fold)
    buckets = data.folds.validation_buckets
    validation = PredictionPlan(plan.model, (plan.stage.prediction,), plan.eval_size, buckets=buckets)
    return finish_epoch(
        plan.stage, plan.task, state, log, predict_examples(validation, params, data.corpus, examples, moments)
    )


def prepare_updates(
    plan: StagePlan, data: FoldedCorpus, trial: TrialArrays, frozen: Params
) -> Callable[[TrialState, Array, Array | None], tuple[TrialState, BatchLog]]:
    """What makes one update of a trial: (state, a row int32 [B] of `order_epoch`, its number) -> state and log.

    The number matters where there are several buckets. An example then has the same weight whatever the size of its
    batch: the gradients of a batch of half the usual size are halved.
    """
    key, buckets = jax.random.key(trial.seed), data.folds.train_buckets
    batches = list_batches(plan.stage, buckets)
    examples = sum(bucket.examples for bucket in buckets) * max(len(plan.stage.moddrop), 1)

    def update(bucket: Bucket | None, state: TrialState, index: Array) -> tuple[TrialState, BatchLog]:
        batch = take_training_batch(plan, data, trial.fold, index, bucket)
        weight = (index >= 0).sum() * (len(batches) / examples) if bucket else None
        state, terms = train_step(plan, trial, frozen, state, batch, key, weight=weight)
        return state, BatchLog(terms, (index >= 0).sum())

    def update_of_bucket(state: TrialState, index: Array, number: Array) -> tuple[TrialState, BatchLog]:
        sizes = dict(batches)
        branches = [
            lambda state, index, bucket=bucket, size=sizes[k]: update(bucket, state, index[:size])
            for k, bucket in enumerate(buckets)
        ]
        # The buckets take turns in the same order in all trials, so that also under `vmap` only one branch runs.
        return jax.lax.switch(jnp.array([k for k, _ in batches])[number], branches, state, index)

    return update_of_bucket if buckets else lambda state, index, number: update(None, state, index)


def keep_state(
    train: Callable[[TrialState], tuple[TrialState, dict[str, Array]]], state: TrialState
) -> tuple[TrialState, dict[str, Array]]:
    """Leaves the state of a stopped trial as it is, with a log of zeros.

    Both branches of a `cond` must have one shape, and only tracing `train` tells which entries its log has.
    """
    log = jax.eval_shape(train, state)[1]
    return state, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), log)


def finish_epoch(
    stage: Stage, task: str, state: TrialState, batches: BatchLog, validation: Predictions
) -> tuple[TrialState, dict[str, Array]]:
    """What follows the updates of an epoch: its log, the validation score, and what depends on the score.

    Args:
      stage: the stage.
      task: one of `metrics.TASKS`.
      state: after the last update.
      batches: of the epoch.
      validation: of the fold's validation examples.

    Returns:
      As `run_epoch`.
    """
    counts = batches.counts
    share = counts / jnp.maximum(counts.sum(), 1)
    # A batch of padding alone has a share of 0, but its loss may be NaN, and 0 * NaN is NaN.
    log = {name: jnp.where(counts > 0, values * share, 0.0).sum() for name, values in batches.terms.items()}
    answered = validation.outputs[stage.prediction], validation.target, validation.mask
    scores = metrics.evaluate(task, *answered)
    scores |= {name: import_own(name, "metric")(*answered) for name in list_own_metrics([stage])}
    log |= {f"validation/{name}": value for name, value in scores.items()}
    log["scale"] = state.scale
    plateau = metric_sign(stage.plateau_metric) * scores[stage.plateau_metric]
    return _advance_schedule(stage, state, stage.sign * scores[stage.metric], plateau), log


def _advance_schedule(stage: Stage, state: TrialState, score: Array, plateau: Array) -> TrialState:
    """Best weights, early stopping and the plateau schedule after an epoch with two validation scores (signed)."""
    epoch = state.epoch + 1
    # A score of NaN is never better: comparisons with it are False, and -inf, the first best, is not finite.
    better = (score > state.best_score) & jnp.isfinite(score)
    # Keeping the last weights is keeping those of every epoch in turn; the best score is still of the best epoch.
    keep = better if stage.keep == "best" else jnp.array(True)
    # With keep == "last" patience still counts from the best epoch.
    best_epoch = jnp.where(better, epoch, state.best_epoch)
    # The plateau schedule may watch another metric than the one that selects weights.
    rises = (plateau > state.plateau_best) & jnp.isfinite(plateau)
    waited = jnp.where(rises, 0, epoch - state.plateau_start)
    drop = (waited >= stage.plateau_patience) if stage.plateau_patience else jnp.array(False)
    stopped = (epoch - best_epoch >= stage.patience) if stage.patience else jnp.array(False)
    weights, is_kept = select_weights(state), keep & state.finite
    return state.replace(
        epoch=epoch,
        live=state.live & state.finite & ~stopped & (epoch < stage.epochs),
        best=jax.tree.map(lambda new, old: jax.lax.select(is_kept, new, old), weights, state.best),
        best_score=jnp.where(better, score, state.best_score),
        best_epoch=best_epoch,
        plateau_best=jnp.where(rises, plateau, state.plateau_best),
        plateau_start=jnp.where(drop | rises, epoch, state.plateau_start),
        scale=jnp.where(drop, state.scale * stage.plateau_factor, state.scale),
    )
