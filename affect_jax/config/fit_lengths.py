"""Items of one's own corpus that are far longer than all others: cut, so that a few clips do not cost more than all."""

from collections.abc import Mapping
from typing import Any

from affect_jax.datasets.lengths import find_outliers


def cut_outliers(columns: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The columns with the lengths to which their items are read, and a sentence for each that is cut.

    A waveform is cut to the longest of the others, as models hear its padding and all clips are padded alike. Of
    features, whose batches have clips of similar lengths, all outliers together may cost as much as all others.

    Args:
      columns: modality -> its column, with the `lengths` of its items; () where items have none.
      data: `config.data`; `cut_outliers` False leaves everything as it is.
    """
    cut, told = {}, []
    for name, column in columns.items():
        cut[name] = column
        outliers = find_outliers(column.lengths) if data.get("cut_outliers", True) else []
        if not outliers:
            continue
        others = [length for n, length in enumerate(column.lengths) if n not in outliers]
        room = max(others) if column.kind == "waveform" else sum(others) // len(outliers)
        if (longest := max(room, max(others))) < column.longest:
            cut[name] = column._replace(longest=longest)
            told.append(_describe(name, column, len(outliers), max(others), longest))
    return cut, told


def shorten_columns(columns: Mapping[str, Any], average: Mapping[str, int] | None) -> dict[str, Any]:
    """The columns with as many steps as `config.data.average` leaves of them."""
    return {
        name: column._replace(longest=-(-column.longest // (average or {}).get(name, 1)))
        for name, column in columns.items()
    }


def _describe(name: str, column: Any, count: int, usual: int, longest: int) -> str:
    unit = "samples" if column.kind == "waveform" else "frames"
    items = "1 item is" if count == 1 else f"{count} items are"
    return (
        f"{name}: {items} far longer than the other {len(column.lengths) - count} ({column.longest:,} {unit} against "
        f"{usual:,} at most) and read up to {longest:,}; config.data.cut_outliers=False reads all"
    )
