"""Which trial of a run speaks for it where one is exported, explained or shown: by its own number, or by validation."""

import statistics
from pathlib import Path
from typing import NamedTuple

from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.experiment import ensembles
from affect_jax.experiment.results_file import Results, TrialResult, read_results
from affect_jax.runtime.files import read_json

Variant = tuple[str, str]
"""A study and the name of a variant of it."""


class Choice(NamedTuple):
    """The trial of a run.

    Attributes:
      results: of the run.
      number: of the trial in results.json.
      reason: why it is that one, in words.
    """

    results: Results
    number: int
    reason: str

    @property
    def trial(self) -> TrialResult:
        """Its entry in results.json."""
        return self.results.trials[self.number]

    @property
    def variant_trials(self) -> list[TrialResult]:
        """All trials of its study and variant, itself among them."""
        return [t for t in self.results.trials if (t.study, t.variant) == (self.trial.study, self.trial.variant)]


def choose_trial(run: Path, variant: str | None = None, trial: int | None = None) -> Choice:
    """Chooses a trial of a finished run.

    Where a run teaches one modality by another, only variants that read what its first variant reads are compared: a
    teacher is better, but is not what the run is for.

    Args:
      run: its folder.
      variant: of which the trial with the best validation score is taken; None for the best variant by its mean.
      trial: a number; None to choose.

    Raises:
      UserError: the run is unfinished; there is no such variant or trial; or no trial has a validation score.
    """
    results = read_results(run)
    if trial is not None:
        if not 0 <= trial < len(results.trials):
            raise UserError(
                f"--trial is {trial}, but the run has trials 0 to {len(results.trials) - 1}; choose one of them"
            )
        return Choice(results, trial, "as --trial says")
    scores = _collect_scores(results)
    if variant is None:
        comparable = _list_comparable(run, results)
        scored = {key: list(of.values()) for key, of in scores.items() if of and key in comparable}
        if not scored:
            raise UserError(f"no trial of {run} has a validation score; train it again")
        best = max(scored, key=lambda key: results.monitor.sign * statistics.fmean(scored[key]))
        chosen, reason = scores[best], _explain_best(results, len(scored))
    else:
        names = list(dict.fromkeys(name for _, name in scores))
        if variant not in names:
            raise UserError(
                f"--variant is {variant!r}{suggest_nearest(variant, names)}; the run has {join_words(names)}"
            )
        chosen = {number: score for (_, name), of in scores.items() if name == variant for number, score in of.items()}
        if not chosen:
            raise UserError(f"no trial of variant {variant!r} has a validation score; train it again")
        reason = "the best trial on validation of the variant that --variant names"
    return Choice(results, max(chosen, key=lambda number: results.monitor.sign * chosen[number]), reason)


def choose_members(choice: Choice) -> tuple[int, ...]:
    """The ensemble that a chosen trial belongs to: numbers of the trials that differ from it in their seed alone.

    Raises:
      UserError: it has no such trial.
    """
    for one in ensembles.list_ensembles(choice.results):
        if choice.number in one.members:
            return one.members
    raise UserError(
        f"variant {choice.trial.variant!r} has one seed of fold {choice.trial.fold}, and an ensemble takes two or "
        "more; train it with more seeds (--config.study.seeds=3), or leave --ensemble out"
    )


def _explain_best(results: Results, variants: int) -> str:
    if variants == 1:
        return "the best trial on validation"
    return f"the best trial of the best of {variants} variants on validation, by mean {results.monitor.metric}"


def _collect_scores(results: Results) -> dict[Variant, dict[int, float]]:
    """Variant -> number of each of its trials that has a validation score -> that score."""
    scores: dict[Variant, dict[int, float]] = {}
    for number, trial in enumerate(results.trials):
        of_variant = scores.setdefault((trial.study, trial.variant), {})
        score = (trial.validation or {}).get(results.monitor.metric)
        if score is not None:
            of_variant[number] = score
    return scores


def _list_comparable(run: Path, results: Results) -> set[Variant]:
    """Variants that are for the same inputs as the first: all, but of a run of co-learning those of its student."""
    variants = {(trial.study, trial.variant) for trial in results.trials}
    config = read_json(run / "config.json").get("config", {}) if (run / "config.json").is_file() else {}
    model, studies = config.get("model", {}), config.get("studies", {})
    models = {study: {**model, **studies.get(study, {}).get("model", {})} for study, _ in variants}
    first = models[results.trials[0].study]
    if not first.get("stronger"):  # nothing is taught here
        return variants
    return {key for key in variants if models[key[0]].get("weaker") == first.get("weaker")}
