"""Writes a run's predictions of one part of its corpus, one file a recording.

    python -m launch.predict --run=runs/seqsew_recola_arousal_geo_audio --split=test [--cell=SeqSEW | --row=3]

RECOLA: the arff form of its gold standard, to be sent to its owners for the unlabelled test part.
Other corpora: csv with columns id, prediction. Without --row, the best row on validation of the cell is taken.
"""

from pathlib import Path

from absl import flags

from launch import cli

_RUN = flags.DEFINE_string("run", None, "A finished run folder.", required=True)
_SPLIT = flags.DEFINE_enum("split", "test", ["validation", "test"], "Which part.")
_CELL = flags.DEFINE_string("cell", "", "Cell whose best row predicts. Default: the run's first.")
_ROW = flags.DEFINE_integer("row", -1, "Row of results.json, instead of a cell's best.")
_OUT = flags.DEFINE_string("out", "", "Folder to write. Default: <run>/predictions/<split>.")


def main(argv: list[str]) -> None:
    """Writes the predictions that the flags choose."""
    del argv
    from affect_jax import deploy, runs
    from affect_jax.reports import predictions

    run = Path(_RUN.value)
    results = runs.read_json(run / "results.json")
    number = deploy.choose_row(results, _CELL.value, _ROW.value)
    out = Path(_OUT.value or run / "predictions" / _SPLIT.value)
    files = predictions.write(run, results, number, _SPLIT.value, out)
    kind = " (from a synthetic corpus)" if results["corpus"]["synthetic"] else ""
    print(f"row {number}, cell {results['rows'][number]['cell']!r}{kind}: {len(files)} files -> {out}")


if __name__ == "__main__":
    cli.run(main)
