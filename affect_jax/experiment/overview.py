"""A model's submodules and parameters as tables, from their shapes alone."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from clu import parameter_overview

STATISTICS = "batch_stats"
"""The collection of running statistics, which no optimiser trains."""
WIDTH = 100


@dataclasses.dataclass
class _Row:
    """A line of a table; its fields are the columns."""

    name: str
    shape: str
    size: int
    training: str
    deployed: str


def describe_parameters(
    params: Mapping[str, Any], trained: Collection[str], deployed: Collection[str], *, with_arrays: bool = True
) -> str:
    """Returns a model's submodules, their parameters and totals as text of at most `WIDTH` columns.

    Args:
      params: submodule -> tree of arrays or of their shapes (`jax.eval_shape`); `batch_stats` among them, if any, are
        running statistics.
      trained: names of the submodules that some stage trains; '*' for all.
      deployed: names of the submodules that stay after training, `model.deployed`.
      with_arrays: with a table of all arrays, not of submodules alone.

    Raises:
      ValueError: a name is not that of a submodule.
    """
    for name in {*trained, *deployed} - {"*"}:
        if name not in params:
            raise ValueError(f"{name!r} is not a submodule; there are {sorted(params)}")
    submodules, arrays = [], []
    for name, tree in params.items():
        if name == STATISTICS:
            training, stays = "statistic", "yes"
        else:
            training = "trained" if name in trained or "*" in trained else "frozen"
            stays = "yes" if name in deployed else "no"
        leaves = parameter_overview.flatten_dict({name: tree})
        rows = [_Row(path, _format_shape(leaf.shape), _count(leaf), training, stays) for path, leaf in leaves.items()]
        arrays += rows
        shape = f"{len(rows)} array{'s' if len(rows) > 1 else ''}"
        submodules.append(_Row(name, shape, sum(row.size for row in rows), training, stays))
    tables = [_make_table(list(submodules)), *([_make_table(arrays)] if with_arrays else [])]
    return "\n".join([*tables, _summarize(submodules)])


def _summarize(rows: list[_Row]) -> str:
    """Returns a line of totals of the submodules."""
    parameters = [row for row in rows if row.training != "statistic"]
    counts = {
        "parameters": sum(row.size for row in parameters),
        "trained": sum(row.size for row in parameters if row.training == "trained"),
        "frozen": sum(row.size for row in parameters if row.training == "frozen"),
        "deployed": sum(row.size for row in parameters if row.deployed == "yes"),
        "running statistics": sum(row.size for row in rows if row.training == "statistic"),
    }
    return "Total: " + ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _format_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "scalar"


def _count(leaf: Any) -> int:
    return int(parameter_overview.count_parameters({"leaf": leaf}))


def _make_table(rows: list[_Row]) -> str:
    """Returns the table of these rows; the middle of a long name gives way, so that the table keeps its width."""
    columns = [field.name for field in dataclasses.fields(_Row)]
    widths = [max(len(column), *(len(_format_cell(getattr(row, column))) for row in rows)) for column in columns[1:]]
    # The table puts a bar and two spaces around each cell.
    half = (WIDTH - 1 - 3 * len(columns) - sum(widths) - len("...")) // 2
    for index, row in enumerate(rows):
        if len(row.name) > 2 * half + len("..."):
            rows[index] = dataclasses.replace(row, name=f"{row.name[:half]}...{row.name[-half:]}")
    return parameter_overview.make_table(rows, value_formatter=_format_cell)


def _format_cell(value: str | int) -> str:
    return value if isinstance(value, str) else f"{value:,}"
