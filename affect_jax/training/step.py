"""One update, one epoch and one evaluation of one trial: free functions, traced once for all trials of a study."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from affect_jax import metrics
from affect_jax.config.stages import Stage, metric_sign
from affect_jax.data import moddrop
from affect_jax.data.corpus import Corpus, take_batch
from affect_jax.data.folds import Folds
from affect_jax.data.packing import Packing
from affect_jax.layers.spread import count_devices
from affect_jax.training import keys, objective, precision
from affect_jax.training.mesh import shard_batch
from affect_jax.training.optimizer import compute_learning_rate, make_transform
from affect_jax.training.state import TrialState
from affect_jax.training.trials import TrialArrays
from affect_jax.types import Array, Batch, Params

STATISTICS = "batch_stats"
"""The flax collection of batch norm's running moments, and its name among a trial's top-level parts."""


def join_variables(variables: Mapping[str, Params]) -> Params:
    """Flax variables -> the parts of a trial: parameters by name, and the statistics as one part more."""
    statistics = {STATISTICS: variables[STATISTICS]} if STATISTICS in variables else {}
    return {**variables["params"], **statistics}


def split_variables(parts: Params) -> dict[str, Params]:
    """The way back of `join`: what `model.apply` takes."""
    params = {k: v for k, v in parts.items() if k != STATISTICS}
    return {"params": params, STATISTICS: parts[STATISTICS]} if STATISTICS in parts else {"params": params}


def split_submodules(parts: Params, train: tuple[str, ...]) -> tuple[Params, Params, Params]:
    """(trained, statistics, frozen) by top-level name; `*` trains all parameters."""
    trained = {k: v for k, v in parts.items() if k != STATISTICS and (k in train or "*" in train)}
    statistics = {k: v for k, v in parts.items() if k == STATISTICS}
    return trained, statistics, {k: v for k, v in parts.items() if k not in trained and k not in statistics}


def cut_batches(index: Array, size: int, among: int = 1) -> Array:
    """int32 [n] -> ceil(n / size) batches of equal length, the last ones padded with -1.

    52 examples in batches of 32 become 26 and 26, not 32 and 20: no small last batch, and less padding. A length is at
    most `size`, or the multiple of `among` above it.
    """
    count = -(-index.shape[0] // size)
    size = -(-index.shape[0] // (count * among)) * among
    return jnp.pad(index, (0, count * size - index.shape[0]), constant_values=-1).reshape(count, size)


def shuffle_examples(index: Array, key: Array) -> Array:
    """A permutation of the examples in `index` [n] that leaves its -1 padding at the end."""
    order = jnp.where(index < 0, jnp.inf, jax.random.uniform(key, index.shape))
    return index[jnp.argsort(order)]


def compute_gradients(
    model: nn.Module, stage: Stage, trial: TrialArrays, frozen: Params, state: TrialState, batch: Batch, key: Array
) -> tuple[tuple[Array, Any], Params]:
    """((loss, (terms, loss state, statistics, outputs)), gradients of `state.params`) of one batch; as `update`.

    Where `stage.precision` is bfloat16, so are the model's forward and backward pass here; outputs, losses, statistics
    and gradients are float32. `predict` and `shown`, and so validation scores and tests, are float32 always.
    """
    hyper = trial.hyper[stage.name]
    rngs = {"dropout": keys.derive_key(key, f"{stage.name}/dropout", state.updates)}

    packed = {"segments": batch["segments"]} if "segments" in batch else {}

    def loss(params: Params) -> tuple[Array, Any]:
        parts, inputs = precision.lower_precision(stage.precision, {**frozen, **params}, batch["inputs"])
        outputs, gathered = model.apply(
            split_variables({**parts, **state.statistics}),
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
        value, rest = objective.total_loss(stage.terms, hyper.loss_weights, outputs, batch, state.loss_state)
        return value, (*rest, gathered if state.statistics else {}, OrderedDict(outputs))

    return jax.value_and_grad(loss, has_aux=True)(state.params)


def train_step(
    model: nn.Module, stage: Stage, trial: TrialArrays, frozen: Params, state: TrialState, batch: Batch, key: Array
) -> tuple[TrialState, dict[str, Array]]:
    """One optimizer update on one batch. A batch without a valid step changes nothing.

    An update whose loss, parameters or statistics are not finite is not made; from it on the trial stands still.

    Args:
      model: the model.
      stage: what is trained with which losses.
      trial: this trial's hyper-parameters (scalars).
      frozen: parameters that stand still.
      state: before the update.
      batch: the examples.
      key: the trial's root key.

    Returns:
      The state after it, and each loss term's value beside `loss`, their weighted sum.
    """
    (value, (terms, loss_state, statistics, _)), grads = compute_gradients(
        model, stage, trial, frozen, state, batch, key
    )
    params, opt_state = apply_update(stage, trial, state, grads)
    sound = jnp.isfinite(value)
    for leaf in jax.tree.leaves((params, statistics)):
        sound &= jnp.isfinite(leaf).all()
    after = state.replace(
        params=params,
        statistics=statistics,
        opt_state=opt_state,
        loss_state=loss_state,
        updates=state.updates + 1,
        finite=state.finite & sound,
    )
    any_valid = batch["mask"].any()
    kept = jax.tree.map(lambda new, old: jnp.where(any_valid & after.finite, new, old), after, state)
    return kept.replace(finite=jnp.where(any_valid, after.finite, state.finite)), {**terms, "loss": value}


def apply_update(stage: Stage, trial: TrialArrays, state: TrialState, grads: Params) -> tuple[Params, Any]:
    """(parameters, optimizer's state) one step along the gradients."""
    directions, opt_state = make_transform(stage, trial.hyper[stage.name]).update(grads, state.opt_state, state.params)
    rate = compute_learning_rate(trial.hyper[stage.name], state.scale, state.updates)
    return optax.apply_updates(state.params, jax.tree.map(lambda d: -rate * d, directions)), opt_state


def predict_examples(
    model: nn.Module,
    params: Params,
    corpus: Corpus,
    index: Array,
    mean: Mapping[str, Array],
    scale: Mapping[str, Array],
    output: str,
    size: int,
    absent: tuple[str, ...] = (),
) -> tuple[Array, Array, Array]:
    """(prediction, target, mask), each [n, T] or [n], for the examples `index` [n], `size` at a time.

    Predictions of classes are logits with a class axis behind. The modalities `absent` are missing.
    """

    def one(chunk: Array) -> tuple[Array, Array, Array]:
        outputs, target, mask = predict_batch(model, params, corpus, chunk, mean, scale, (output,), absent)
        return outputs[output], target, mask

    parts = jax.lax.map(one, cut_batches(index, size, count_devices()))
    return tuple(x.reshape(-1, *x.shape[2:])[: index.shape[0]] for x in parts)


def predict_batch(
    model: nn.Module,
    params: Params,
    corpus: Corpus,
    index: Array,
    mean: Mapping[str, Array],
    scale: Mapping[str, Array],
    names: tuple[str, ...],
    absent: tuple[str, ...] = (),
) -> tuple[dict[str, Array], Array, Array]:
    """(outputs by name, target, mask) of one batch of examples `index`, without the modalities `absent`."""
    batch = moddrop.remove_modalities(shard_batch(take_batch(corpus, index, mean, scale)), absent)
    outputs = model.apply(split_variables(params), batch["inputs"], batch["masks"], train=False)
    return {name: outputs[name] for name in names}, batch["target"], batch["mask"]


def _advance_schedule(stage: Stage, state: TrialState, score: Array, plateau: Array) -> TrialState:
    """Best weights, early stopping and the plateau schedule after an epoch with two validation scores (signed)."""
    epoch = state.epoch + 1
    better = (score > state.best_score) & jnp.isfinite(score)
    keep = better if stage.keep == "best" else jnp.array(True)
    best_epoch = jnp.where(better, epoch, state.best_epoch)
    rises = (plateau > state.plateau_best) & jnp.isfinite(plateau)
    waited = jnp.where(rises, 0, epoch - state.plateau_start)
    drop = (waited >= stage.plateau_patience) if stage.plateau_patience else jnp.array(False)
    stopped = (epoch - best_epoch >= stage.patience) if stage.patience else jnp.array(False)
    return state.replace(
        epoch=epoch,
        live=state.live & state.finite & ~stopped & (epoch < stage.epochs),
        best=jax.tree.map(
            lambda new, old: jnp.where(keep & state.finite, new, old), {**state.params, **state.statistics}, state.best
        ),
        best_score=jnp.where(better, score, state.best_score),
        best_epoch=best_epoch,
        plateau_best=jnp.where(rises, plateau, state.plateau_best),
        plateau_start=jnp.where(drop | rises, epoch, state.plateau_start),
        scale=jnp.where(drop, state.scale * stage.plateau_factor, state.scale),
    )


def fold_moments(folds: Folds, fold: Array) -> tuple[dict[str, Array], dict[str, Array]]:
    """(mean, scale) of a fold, by modality."""
    return {m: x[fold] for m, x in folds.mean.items()}, {m: x[fold] for m, x in folds.scale.items()}


def order_epoch(stage: Stage, folds: Folds, trial: TrialArrays, epoch: Array) -> Array:
    """int32 [N, B], what each of an epoch's batches takes: examples, and with Moddrop a combination of each; -1 pads
    the last ones.
    """
    examples = folds.train[trial.fold]
    if stage.moddrop:
        examples = moddrop.expand_examples(examples, len(stage.moddrop))
    order = shuffle_examples(examples, keys.derive_key(jax.random.key(trial.seed), f"{stage.name}/order", epoch))
    return cut_batches(order, stage.batch)


def take_training_batch(
    stage: Stage, packing: Packing | None, corpus: Corpus, folds: Folds, fold: Array, index: Array
) -> Batch:
    """The training batch of one line of `order_of`."""
    ways = len(stage.moddrop)
    example, way = moddrop.split_combination(index, ways) if ways else (index, None)
    batch = shard_batch(take_batch(corpus, example, *fold_moments(folds, fold), packing))
    return moddrop.apply_moddrop(batch, way, stage.moddrop) if ways else batch


def run_epoch(
    model: nn.Module,
    stage: Stage,
    task: str,
    eval_size: int,
    packing: Packing | None,
    corpus: Corpus,
    folds: Folds,
    trial: TrialArrays,
    frozen: Params,
    state: TrialState,
) -> tuple[TrialState, dict[str, Array]]:
    """One epoch of one trial: a scan over shuffled batches, then the validation score. A trial that stopped stands still.

    Returns:
      The state, and a log of scalars: mean of every loss term, `validation/<metric>`, `scale`.
    """

    def stands(state: TrialState) -> tuple[TrialState, dict[str, Array]]:
        return state, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(moves, state)[1])

    def moves(state: TrialState) -> tuple[TrialState, dict[str, Array]]:
        key = jax.random.key(trial.seed)

        def one(state: TrialState, index: Array) -> tuple[TrialState, tuple[dict[str, Array], Array]]:
            batch = take_training_batch(stage, packing, corpus, folds, trial.fold, index)
            state, terms = train_step(model, stage, trial, frozen, state, batch, key)
            return state, (terms, (index >= 0).sum())

        state, (terms, counts) = jax.lax.scan(one, state, order_epoch(stage, folds, trial, state.epoch))
        shows = predict_examples(
            model,
            {**frozen, **state.params, **state.statistics},
            corpus,
            folds.validation[trial.fold],
            *fold_moments(folds, trial.fold),
            stage.prediction,
            eval_size,
        )
        return finish_epoch(stage, task, state, terms, counts, *shows)

    return jax.lax.cond(state.live, moves, stands, state)


def finish_epoch(
    stage: Stage,
    task: str,
    state: TrialState,
    terms: Mapping[str, Array],
    counts: Array,
    prediction: Array,
    target: Array,
    mask: Array,
) -> tuple[TrialState, dict[str, Array]]:
    """What comes after the updates of an epoch: its log, the validation score and what follows from it.

    Args:
      stage: the stage.
      task: `regression`, `binary` or `multiclass`.
      state: after the last update.
      terms: loss term -> [N], by batch.
      counts: int32 [N], examples of each batch.
      prediction: of the validation examples, as `predict` has it ...
      target: ... their targets ...
      mask: ... and which of them count.

    Returns:
      As `run_epoch`.
    """
    share = counts / jnp.maximum(counts.sum(), 1)
    log = {name: jnp.where(counts > 0, values * share, 0.0).sum() for name, values in terms.items()}
    scores = metrics.evaluate(task, prediction, target, mask)
    log |= {f"validation/{name}": value for name, value in scores.items()}
    log["scale"] = state.scale
    plateau = metric_sign(stage.plateau_metric) * scores[stage.plateau_metric]
    return _advance_schedule(stage, state, stage.sign * scores[stage.metric], plateau), log
