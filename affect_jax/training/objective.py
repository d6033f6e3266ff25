"""Losses wired by name: a config says which output meets which target, and the step adds them up.

    losses = dict(
        prediction=dict(kind='mse', prediction='prediction', target='target', weight=1.0),
        translation=dict(kind='mse', prediction='translation/audio', target='inputs/audio', weight=1.0),
        alignment=dict(kind='dcca', a='latent/weaker', b='latent/audio', weight=1.0, k=10),
    )

A kind `module:function` is the user's own: a function of the prediction, the target and the term's options as keywords
that returns one value a step, of which the engine takes the mean.

Weights are traced, so trials of one study may differ in them.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp

from affect_jax.config.losses import OPPOSED, Term, import_own, is_own
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.losses import (
    adversarial,
    alignment,
    candidates,
    classification,
    decorrelation,
    distillation,
    embedding,
    reduction,
    regression,
    semantics,
    similarity,
)
from affect_jax.types import Array, Batch, Outputs

# Per-step values, averaged over the valid steps of the batch.
ELEMENTWISE = {
    "mse": regression.squared_error,
    "mae": regression.absolute_error,
    "binary_cross_entropy": classification.binary_cross_entropy,
    "cross_entropy": classification.cross_entropy,
    "focal": classification.focal,
    "ordinal": classification.ordinal,
    "multiplicative": candidates.multiplicative,
    "kl": distillation.kl,
    "fool": adversarial.fool,
}
# One number from all valid steps of the batch.
AGREEMENT = {"pcc": regression.pcc_loss, "ccc": regression.ccc_loss}
# One number from two latent codes.
ALIGNMENT = {
    "dcca": alignment.dcca,
    "barlow": decorrelation.barlow,
    "vicreg": decorrelation.vicreg,
}
# One number from two latent codes as samples of two distributions.
DISTRIBUTION = {
    "cmd": similarity.cmd,
    "mmd": similarity.mmd,
    "difference": similarity.difference,
}
# One number from two latent codes in one space, and the target.
EMBEDDING = {"contrastive": embedding.contrastive, "triplet": embedding.triplet}
# One number from the maps of two modalities, and the losses of what each says of an item.
TEACHING = {"ssa": semantics.ssa}
# Per-step values, from what a discriminator says of two codes, and the target.
ADVERSARIAL = {"adversary": adversarial.adversary}
# The same as of codes, with a running state that the train state carries.
STATEFUL = {
    "dcca_ema": (alignment.init_dcca_ema, alignment.dcca_ema),
    "soft_cca": (decorrelation.init_soft_cca, decorrelation.soft_cca),
}
LossState = dict[str, Any]
"""Stateful loss term -> its running statistics."""


class TotalLoss(NamedTuple):
    """The losses of one batch.

    Attributes:
      total: float32 [], the weighted sum.
      terms: term -> its unweighted value, float32 [].
      state: of the stateful losses, after this batch.
    """

    total: Array
    terms: dict[str, Array]
    state: LossState


def collect_names(outputs: Outputs, batch: Batch) -> dict[str, Array]:
    """Collects everything that a loss may name: the outputs, `target` and `inputs/<modality>`."""
    return {**outputs, "target": batch["target"], **{f"inputs/{m}": x for m, x in batch["inputs"].items()}}


def select_alignments(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """Selects the terms that align two codes."""
    return tuple(term for term in terms if term.kind in ALIGNMENT or term.kind in STATEFUL)


def needs_several(terms: tuple[Term, ...]) -> bool:
    """Whether some loss is one number from several examples, such as a correlation; a single one has none."""
    return any(term.kind not in ELEMENTWISE and term.kind not in ADVERSARIAL for term in terms)


def check_names(terms: tuple[Term, ...], names: Mapping[str, Any]) -> None:
    """Raises UserError for a term that names something the model does not output."""
    for term in terms:
        for ref in (term.left, term.right):
            check_name(f"loss {term.name!r} reads", ref, names)
            if term.kind in TEACHING:
                check_name(f"loss {term.name!r} reads", f"prediction/{ref.partition('/')[2]}", names)


def check_name(reader: str, name: str, names: Mapping[str, Any]) -> None:
    """Raises UserError where `name` is none of the model's `names`; `reader` begins the message."""
    if name not in names:
        raise UserError(
            f"{reader} {name!r}{suggest_nearest(name, names)}, which this model does not have; it has "
            f"{join_words(sorted(names))}"
        )


def init_loss_state(terms: tuple[Term, ...], names: Mapping[str, Any]) -> LossState:
    """Running states of the stateful losses; `names` maps names to arrays or shapes."""
    return {
        t.name: STATEFUL[t.kind][0](names[t.left].shape[-1], names[t.right].shape[-1])
        for t in terms
        if t.kind in STATEFUL
    }


def _choose_mask(term: Term, left: Array, batch: Batch) -> Array:
    """Which steps count: those with a label; of an item's sequence that translates a modality, those it has; where one
    modality teaches another, those that both have; of what a discriminator says of a modality, those that have it."""
    mask, (kind, _, modality) = batch["mask"], term.right.partition("/")
    if kind == "inputs" and left.ndim > mask.ndim + 1:
        return batch["masks"][modality] & mask[:, None]
    if term.kind in EMBEDDING or term.kind in ("kl", *OPPOSED):
        for modality in (ref.partition("/")[2] for ref in (term.left, term.right)):
            has = batch["masks"].get(modality, mask)
            mask = mask & (has.any(axis=1) if has.ndim > mask.ndim else has)
    return mask


def _select_labelled(term: Term, batch: Batch) -> Batch:
    """The batch as a term may read it: with the steps alone that have a label, where it reads labels."""
    reads = term.right == "target" or term.kind in (*EMBEDDING, *TEACHING, *ADVERSARIAL)
    return {**batch, "mask": batch["labelled"]} if reads and "labelled" in batch else batch


def _mix(share: Array, own: Array, other: Array) -> Array:
    """share [B] of what is an example's own [B, ...], and the rest of the other's."""
    share = share.reshape((-1,) + (1,) * (own.ndim - 1))
    return share * own + (1 - share) * other


def _evaluate_mixed(term: Term, left: Array, batch: Batch) -> Array:
    """A loss of predictions for examples that are mixtures of two: that of both targets, weighted alike (mixup).

    Where it is one number from all steps, such as a correlation, that of the mixed target.
    """
    target, partner, share = batch["target"], batch["partner"], batch["share"]
    if term.kind not in ELEMENTWISE and not is_own(term.kind):
        return _evaluate_term(term, left, _mix(share, target, partner), batch["mask"])
    values = [_compute_values(term, left, right, batch["mask"]) for right in (target, partner)]
    return reduction.masked_mean(_mix(share, *values), batch["mask"])


def _compute_values(term: Term, left: Array, right: Array, mask: Array) -> Array:
    """One value a step, of the elementwise kinds and the user's own."""
    options = dict(term.options)
    if is_own(term.kind):
        values = import_own(term.kind)(left, right, **options)
        if jnp.shape(values) != mask.shape:
            raise UserError(
                f"the loss {term.kind!r} returned the shape {jnp.shape(values)} for predictions {left.shape} and "
                f"targets {right.shape}; return one value a step, {mask.shape}, and no mean, which is taken here"
            )
        return values
    fn: Callable = functools.partial(ELEMENTWISE[term.kind], **options)
    return fn(left, right)


def _evaluate_term(term: Term, left: Array, right: Array, mask: Array) -> Array:
    options = dict(term.options)
    if is_own(term.kind) or term.kind in ELEMENTWISE:
        return reduction.masked_mean(_compute_values(term, left, right, mask), mask)
    # These see all valid steps at once, so the mask is part of the loss.
    fn = {**AGREEMENT, **ALIGNMENT, **DISTRIBUTION}[term.kind]
    return fn(left, right, mask, **options)


def _evaluate_teaching(term: Term, names: Mapping[str, Array], batch: Batch) -> Array:
    """The loss of two maps over the items that have both modalities."""
    where, target, errors = batch["mask"], batch["target"], []
    if where.ndim > 1:
        raise UserError(f"loss {term.name!r} of kind {term.kind!r} needs one label an item, but there is one a step")
    for ref in (term.left, term.right):
        modality = ref.partition("/")[2]
        said = names.get(f"logits/{modality}")
        classed = said is not None
        error = classification.cross_entropy if classed else regression.squared_error
        errors.append(error(said if classed else names[f"prediction/{modality}"], target))
        mask = batch["masks"][modality]
        where = where & (mask if mask.ndim == 1 else mask.any(axis=1))
    return TEACHING[term.kind](names[term.left], names[term.right], where, *errors, **dict(term.options))


def total_loss(
    terms: tuple[Term, ...],
    weights: Mapping[str, Array],
    outputs: Outputs,
    batch: Batch,
    state: LossState,
) -> TotalLoss:
    """Weighted sum of the terms over the valid steps of one batch (eqs. 5.10 and 5.15 of the thesis).

    Args:
      terms: from `config.losses.parse_losses`.
      weights: term name -> traced scalar.
      outputs: of the model.
      batch: the batch; its `mask` says which steps count.
      state: of the stateful losses.
    """
    names = collect_names(outputs, batch)
    values, new_state = {}, {}
    whole = batch
    for term in terms:
        left, right, batch = names[term.left], names[term.right], _select_labelled(term, whole)
        if term.kind in STATEFUL:
            fn = STATEFUL[term.kind][1]
            values[term.name], new_state[term.name] = fn(
                left, right, batch["mask"], state[term.name], **dict(term.options)
            )
        elif term.kind in EMBEDDING:
            where = _choose_mask(term, left, batch)
            values[term.name] = EMBEDDING[term.kind](left, right, where, batch["target"], **dict(term.options))
        elif term.kind in ADVERSARIAL:
            said = ADVERSARIAL[term.kind](left, right, batch["target"], **dict(term.options))
            values[term.name] = reduction.masked_mean(said, _choose_mask(term, left, batch))
        elif term.kind in TEACHING:
            values[term.name] = _evaluate_teaching(term, names, batch)
        elif term.right == "target" and "partner" in batch:
            values[term.name] = _evaluate_mixed(term, left, batch)
        else:
            values[term.name] = _evaluate_term(term, left, right, _choose_mask(term, left, batch))
    return TotalLoss(sum(weights[name] * value for name, value in values.items()), values, new_state)
