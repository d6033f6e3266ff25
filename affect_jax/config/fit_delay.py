"""An annotation delay in seconds, of one's own corpus, becomes `config.data.delay` in steps."""

from collections.abc import Mapping, Sequence
from typing import Any

from affect_jax.errors import UserError


def fit_delay(data: Mapping[str, Any], seconds: float, steps: Sequence[int], rate: float) -> tuple[dict[str, Any], str]:
    """`config.data` with the delay in steps, and a sentence that tells of it; '' where there is none.

    Args:
      data: `config.data`, plain.
      seconds: `config.corpus.annotation_delay`.
      steps: of each sequence.
      rate: steps a second, 0 where nothing tells or items have one label each.

    Raises:
      UserError: a delay without a rate, as long as a sequence, or beside another one in steps.
    """
    if not seconds:
        return dict(data), ""
    if not rate:
        raise UserError(
            f"config.corpus.annotation_delay is {seconds:g} s, but there are no labels per step with times; set"
            " config.corpus.label_rate, or leave the delay out"
        )
    delay = round(seconds * rate)
    if data["delay"] not in (0, delay):
        raise UserError(
            f"config.data.delay is {data['delay']} steps and config.corpus.annotation_delay is {seconds:g} s, which are"
            f" {delay} steps; set one of them"
        )
    if delay >= min(steps):
        raise UserError(
            f"config.corpus.annotation_delay is {seconds:g} s, {delay} steps at {rate:.3g} Hz, but the shortest"
            f" sequence has {min(steps)} steps; set it lower"
        )
    told = f"labels are learned {delay} steps ({seconds:g} s at {rate:.3g} Hz) earlier, and scored at their own times"
    return {**data, "delay": delay}, told
