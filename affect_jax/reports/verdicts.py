"""The verdicts of a finished run, a line a variant, for a terminal."""

from pathlib import Path

from affect_jax.evaluation import read, variants
from affect_jax.reports.answers import give_verdict


def summarize_verdicts(folder: Path) -> str:
    """Every variant against the first one, by the rule of all reports; '' where there is nothing to compare."""
    comparison = variants.compare_runs([read.read_run(folder)], reference="")
    answers = [answer for answer in comparison.tests.values() if answer.contrast]
    if not answers:
        return ""
    rules = dict.fromkeys(answer.contrast.test.rule for answer in answers if answer.contrast.test.rule)
    by = f", by {' and '.join(rules)} (docs/reports.md)" if rules else ""
    lines = [f"against {comparison.names[comparison.reference]}{by}:"]
    lines += [f"  {comparison.names[answer.question.a]}: {give_verdict(answer)}" for answer in answers]
    return "\n".join(lines)
