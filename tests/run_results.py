"""Values of `Results` for tests that read run folders, with everything filled in that a test does not care about."""

from affect_jax.experiment.results_file import CorpusRecord, Monitor, Provenance, Results, TrialResult


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
