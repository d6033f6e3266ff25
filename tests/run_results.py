"""Values of `Results` for tests that read run folders, with everything filled in that a test does not care about."""

from pathlib import Path

from affect_jax.experiment.results_file import (
    FILE,
    CorpusRecord,
    Monitor,
    Provenance,
    Results,
    TrialResult,
    write_results,
)
from affect_jax.runtime.files import read_json, write_json


def write_unsealed(folder: Path, results: Results) -> None:
    """results.json without its checksums, as older versions wrote it, so that a test may edit what it likes."""
    write_results(folder, results)
    document = read_json(folder / FILE)
    del document["sha256"]
    write_json(folder / FILE, document)


def make_trial(**changes) -> TrialResult:
    """A trial of study 'net' and variant 'net'."""
    values = dict(study="net", variant="net", fold="dev", seed=0, hyper={}, validation=None, test=None)
    return TrialResult(**(values | changes))


def make_corpus(**changes) -> CorpusRecord:
    """A synthetic corpus 'c' of form 'v'."""
    values = dict(name="c", form="v", synthetic=True, fingerprint="0" * 64, counts={})
    return CorpusRecord(**(values | changes))


def make_results(*trials: TrialResult, metric: str = "pcc", **changes) -> Results:
    """Results of these trials; the larger `metric`, the better."""
    values = dict(
        name="x",
        config_arg="configs/x.py",
        task="signed_regression",
        monitor=Monitor(metric, "max"),
        corpus=make_corpus(),
        trials=trials,
        variants=(),
        selected=(),
        baselines={},
        provenance=Provenance("unknown", {}, "3.11", "x"),
    )
    return Results(**(values | changes))
