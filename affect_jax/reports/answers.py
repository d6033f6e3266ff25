"""An answer of `evaluation.compare` in words: the verdict, a table's columns, a csv's."""

import math
from collections.abc import Mapping
from typing import Any

from affect_jax.evaluation.compare import Answer
from affect_jax.evaluation.decision import DOUBTS
from affect_jax.reports import tables

COLUMNS = ("scores", "difference", "p", "p, Holm", "test", "95 % over groups", "verdict")
"""Of a comparison, in any table."""
BRIEF: Mapping[str, str] = {"scores": "scores", "difference": "difference", "p": "p, Holm", "verdict": "verdict"}
"""Those of them that are shown of one's own corpus, by what they are called there: one p; the csv has the others."""
Names = tuple[str, str]
"""Of a and of b; without them a verdict says whether a is better or worse."""


def give_verdict(answer: Answer, names: Names = ("", ""), fractions: bool = False) -> str:
    """Which of the two is better, that nothing was shown, or why nothing can be said.

    Args:
      answer: to be put in words.
      names: of the two.
      fractions: whether scores are printed as fractions.
    """
    outcome, c = answer.outcome, answer.contrast
    if not outcome:
        return answer.doubt
    if outcome == "none":
        smallest = tables.format_score(c.find_smallest(), answer.metric, fractions)
        return f"no difference shown (80 % power at {smallest}){_describe_margin(answer, names[0])}"
    word, _, is_partial = outcome.partition(" ")
    name = names[word == "worse"]
    groups = "other groups unknown" if c.interval is None else "not certain over groups"
    part = f" over {DOUBTS[c.design.kind]}, {groups}" if is_partial else ""
    return f"{f'{name} better' if name else word}{part}{_describe_margin(answer, names[0])}"


def _describe_margin(answer: Answer, name: str) -> str:
    if answer.margin is None:
        return ""
    points, outcome = f"{100 * answer.margin:g} points", answer.within_margin
    if outcome.startswith("no "):
        return f"; {f'{name} ' if name else ''}{outcome} by more than {points}"
    return f"; {'equivalent' if outcome == 'equivalent' else 'not shown to be'} within {points}"


def describe_answer(answer: Answer, names: Names = ("", ""), fractions: bool = False) -> dict[str, str]:
    """`COLUMNS`; blanks where there is nothing to compare."""
    c, metric, row = answer.contrast, answer.metric, dict.fromkeys(COLUMNS, "")
    if c is not None:
        spread = "" if math.isnan(c.std) else f" ± {tables.format_score(c.std, metric, fractions)}"
        difference = tables.format_difference(c.difference, metric, fractions)
        row["scores"] = " / ".join(tables.format_score(one.mean, metric, fractions) for one in (c.a, c.b))
        row["difference"] = f"{difference}{spread} (n={c.n})"
        row |= {"p": tables.format_p(c.test.p), "p, Holm": tables.format_p(c.holm), "test": c.test.rule}
        row["95 % over groups"] = tables.format_interval(c.interval, metric, fractions)
    return row | {"verdict": give_verdict(answer, names, fractions)}


def describe_briefly(answer: Answer, names: Names = ("", "")) -> dict[str, str]:
    """`BRIEF`, in the unit of all tables."""
    row = describe_answer(answer, names)
    return {name: row[column] for name, column in BRIEF.items()}


def list_numbers(answer: Answer, names: Names = ("", "")) -> dict[str, Any]:
    """A csv's columns of a comparison, unrounded, all scores as fractions."""
    c = answer.contrast
    row = tables.pick_fields(
        c,
        **dict(n="n", a_mean="a.mean", a_std="a.std", b_mean="b.mean", b_std="b.std", difference="difference"),
        **dict(std="std", test="test.rule", folds="design.folds", seeds="design.seeds", p="test.p", p_holm="holm"),
    )
    row["folds"] = c and len(c.design.folds)
    row["smallest"] = c and c.find_smallest()
    row |= tables.pick_fields(c and c.interval, low="low", high="high", groups="groups")
    return row | {"verdict": give_verdict(answer, names), "missing": answer.missing}
