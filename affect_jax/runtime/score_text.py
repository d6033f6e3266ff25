"""How a score looks wherever a person reads it: shares in percent with one decimal, all else as a number with three.

Files for machines (csv, json) have all scores as fractions, unrounded.
"""

PERCENT = (
    *("accuracy", "uar", "weighted_f1", "macro_f1", "accuracy_has0", "f1_has0", "accuracy_non0", "f1_non0"),
    *("accuracy_7", "accuracy_5", "accuracy_3"),
)
"""Metrics that are shares."""
_LABELS = {
    "accuracy": "accuracy",
    "uar": "UAR",
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
    "ccc": "CCC",
    "pcc": "PCC",
    "rmse": "RMSE",
    "log_loss": "log loss",
    "mae": "MAE",
    "accuracy_has0": "Acc-2 has 0",
    "f1_has0": "F1 has 0",
    "accuracy_non0": "Acc-2 non 0",
    "f1_non0": "F1 non 0",
    "accuracy_7": "Acc-7",
    "accuracy_5": "Acc-5",
    "accuracy_3": "Acc-3",
}
_CORRELATIONS = ("ccc", "pcc")


def is_percent(metric: str) -> bool:
    """Whether scores of a metric are printed in percent."""
    return metric in PERCENT


def label_metric(metric: str) -> str:
    """A metric's name as a column head, with its unit: 'UAR %', 'CCC'."""
    return f"{_LABELS.get(metric, metric)}{' %' if is_percent(metric) else ''}"


def format_score(value: float | None, metric: str, *, sign: bool = False) -> str:
    """'63.4' of a share, '0.634' of any other; with `sign` as a difference, '+2.1'; '' for None."""
    if value is None:
        return ""
    plus = "+" if sign else ""
    return drop_sign_of_zero(f"{100 * value:{plus}.1f}" if is_percent(metric) else f"{value:{plus}.3f}")


def drop_sign_of_zero(text: str) -> str:
    """'0.000' of '-0.000', which is what rounding leaves of a small number."""
    return text.lstrip("-") if text.startswith("-") and not text.strip("-0.") else text


def describe_score(value: float, metric: str) -> str:
    """'UAR 63.4 %' or 'CCC 0.634', for a sentence."""
    return f"{_LABELS.get(metric, metric)} {format_score(value, metric)}{' %' if is_percent(metric) else ''}"


def clip_interval(low: float, high: float, metric: str) -> tuple[float, float]:
    """An interval within what the metric can be: 0 to 1 of a share, -1 to 1 of a correlation, 0 and above of an
    error."""
    least = -1.0 if metric in _CORRELATIONS else 0.0
    return (max(low, least), min(high, 1.0) if is_percent(metric) or metric in _CORRELATIONS else high)
