"""Writes the deployed part of a trained model: the weaker modality's encoder and head alone.

    python -m launch.export --run=runs/sew [--cell=SEW | --row=3] [--out=runs/sew/export]

`model.jax` is a jax.export artifact that runs without this package, `params.npz` the parameters by name,
`description.json` what goes in and comes out. Without --row, the best row on validation of the cell is taken.
"""

import sys
from pathlib import Path

from absl import flags

from launch import cli

_RUN = flags.DEFINE_string("run", None, "A finished run folder.", required=True)
_CELL = flags.DEFINE_string("cell", "", "Cell whose best row is exported. Default: the run's first.")
_ROW = flags.DEFINE_integer("row", -1, "Row of results.json to export, instead of a cell's best.")
_OUT = flags.DEFINE_string("out", "", "Folder to write. Default: <run>/export.")


def main(argv: list[str]) -> None:
    """Exports the row that the flags choose."""
    del argv
    from affect_jax import deploy, runs

    run = Path(_RUN.value)
    results = runs.read_json(run / "results.json")
    number = deploy.choose_row(results, _CELL.value, _ROW.value)
    out = Path(_OUT.value or run / "export")
    described = deploy.export(deploy.load(run, number), out, runs.provenance(" ".join(sys.argv)))
    kind = " (trained on a synthetic corpus)" if results["corpus"]["synthetic"] else ""
    print(f"row {number}, cell {described['row']['cell']!r}{kind}: {described['parameters']:,} parameters -> {out}")


if __name__ == "__main__":
    cli.run(main)
