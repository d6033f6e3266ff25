"""What runs, variants and constant answers are called in reports; no two variants alike."""

from collections.abc import Mapping
from typing import Any

from affect_jax.config.schema import describe_within
from affect_jax.errors import format_count
from affect_jax.evaluation.read import Run

_ALIGNMENTS = ("dcca", "dcca_ema", "soft_cca", "barlow", "vicreg")


def name_baseline(run: Run) -> str:
    """What the constant answer of the run's task is called."""
    return "constant" if run.results.task.endswith("regression") else "majority"


def describe_baseline(run: Run) -> str:
    """The same as a row's label: it is made of the labels of the very part that is scored."""
    return f"{name_baseline(run)} of the scored part"


def describe_run(run: Run) -> str:
    """One line that says what a run is: corpus, alignment where it has one, folds and seeds, revision."""
    results, corpus = run.results, run.results.corpus
    trials = [trial for number, trial in enumerate(results.trials) if number not in run.ensembles]
    folds, seeds = sorted({trial.fold for trial in trials}), {trial.seed for trial in trials}
    aligned = ", ".join(list_alignments(run.config))
    facts = [
        f"{'synthetic ' if run.synthetic else ''}corpus {'/'.join(filter(None, (corpus.name, corpus.form)))}",
        f"fingerprint {corpus.fingerprint[:12]}",
        *([f"alignment {aligned}"] if aligned else []),
        f"{'validation draws' if corpus.name == 'cmu_mosi' else 'folds'} {', '.join(folds) or 'none'}",
        f"{len(seeds)} seed{'' if len(seeds) == 1 else 's'}",
        f"git {results.provenance.git[:12]}",
    ]
    diverged = sum(not trial.finite for trial in trials)
    if diverged:
        facts.append(f"{diverged} of {format_count(len(trials), 'trial')} met a loss that was not finite")
    if broken := dict.fromkeys(summary.variant for summary in results.variants if summary.mean is None):
        facts.append(f"no mean of {', '.join(broken)}: a trial answers with NaN")
    classical = [trial for trial in results.trials if trial.classical]
    if refitted := dict.fromkeys(x.variant for x in classical if x.classical.fitted_on != "train"):
        facts.append(f"{'; '.join(refitted)}: learned from training and validation splits together, unlike networks")
    if any(trial.affine for trial in trials):
        facts.append("predictions mapped to the labels by scale and offset of validation, which leaves PCC alone")
    if within := (run.config.get("data") or {}).get("standardize_within"):
        facts.append(describe_within(within))
    if (run.config.get("data") or {}).get("rescale") == "authors":
        facts.append("predictions rescaled to the range of the training labels, which changes all scores but PCC")
    return f"{run.path.name}: {'; '.join(facts)}."


def list_alignments(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the alignment losses that some study of a resolved config has."""
    kinds = set()
    for study in config.get("studies", {}).values():
        for stage, settings in config.get("stages", {}).items():
            changes = (study.get("stages", {}).get(stage) or {}).get("losses", {})
            for name, loss in settings.get("losses", {}).items():
                change = changes.get(name, {})
                if change is not None:  # None drops the loss from the study
                    kinds.add(change.get("kind", loss.get("kind")))
    return tuple(sorted(kinds.intersection(_ALIGNMENTS)))
