"""What a reader must know of classical baselines beside published ones: features, what they were fitted on, and the
command that makes them.
"""

from affect_jax.experiment.results_file import TrialResult
from affect_jax.reports import sources
from affect_jax.reports.read import Run, Runs
from affect_jax.runtime.run_folder import name_run_folder

SMILE = "ComParE_2016"
"""What `baselines.functionals` calls openSMILE's functionals."""
_INSTALL = "the optional package opensmile (pip install 'affect-jax[opensmile]'; for research and teaching only)"


def write_notes(runs: Runs) -> tuple[str, ...]:
    """Notes on those of some runs, by config argument, that launch.baselines makes; on no others."""
    notes: list[str] = []
    for config, run in runs.items():
        if sources.name_network(config) != config:
            notes += _describe_missing(config) if run is None else _describe_run(config, run)
    return tuple(notes)


def _write_command(config: str) -> str:
    """What makes the run of a config argument of `sources.name_baselines`."""
    network = sources.name_network(config)
    return f"python -m launch.baselines --config={network} --config.corpus.manual_dir=DIR --seeds=10"


def _describe_missing(config: str) -> list[str]:
    return [
        f"{name_run_folder(config)} is made by launch.report --train, or by {_write_command(config)} (without "
        f"manual_dir: of a synthetic corpus). Its variant {sources.IS13} needs {_INSTALL}."
    ]


def _describe_run(config: str, run: Run) -> list[str]:
    name, trials = run.path.name, {trial.variant: trial for trial in run.results.trials}
    notes = []
    for variant in (sources.IS13, sources.RANDOM_SUBSET):
        if variant in trials and trials[variant].classical is not None:
            details, unlike = trials[variant].classical, _find_differences(variant, trials[variant], run)
            notes.append(f"{name}, {variant}: of {details.features}, fitted on {details.fitted_on}{unlike}.")
    if sources.IS13 not in trials:
        notes.append(
            f"{name} has no {sources.IS13}: it was made without {_INSTALL}. Install that, move {run.path} away and "
            f"make it again: {_write_command(config)} --workdir={run.path}."
        )
    return notes


def _find_differences(variant: str, trial: TrialResult, run: Run) -> str:
    """How our method differs from the published one of its row."""
    if variant == sources.IS13:
        alike = trial.classical.fitted_on != "train"
        return "" if alike else " (the published one on the validation split as well, as --refit does)"
    subsets = run.config.get("baselines", {}).get("iterations")
    differences = [f"{subsets:,} random subsets and the published one 300,000"] if subsets else []
    if trial.classical.features != SMILE:
        differences.append("the published one chose among openSMILE's functionals: not the same method")
    return f" ({'; '.join(differences)})" if differences else ""
