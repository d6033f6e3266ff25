r"""Classical baselines on the corpus, target and folds of a network's config, written as a run folder.

    python -m launch.baselines --config=configs/conflictnet.py:sspnet_conflict --config.corpus.manual_dir=DIR
    python -m launch.baselines --config=configs/speech_emotion.py --config.corpus.manual_dir=DIR \
      --config.corpus.rate=16000
    python -m launch.baselines --config=configs/conflictnet.py:ravdess_debates --methods=is13,random_subset --seeds=3

Methods: mfcc_statistics, action_units, both (MFCC statistics and action units together), is13 (openSMILE's functionals
and a linear support vector machine) and random_subset (features chosen by random subsets, then nearest neighbours).
What a method must choose, it chooses on validation.
Needs: a config of a corpus of speech; is13 also `pip install opensmile`, action_units the corpus' table of them.
Without --methods: all that the corpus and what is installed allow.
Writes: runs/<name of the config>_baseline, which launch.report reads as any other run folder; the study is `baseline`.
On a finished folder the results are printed.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import ml_collections
from absl import flags
from ml_collections import config_flags

from affect_jax.baselines import NAMES
from affect_jax.errors import UserError
from affect_jax.reports import sources
from affect_jax.runtime.progress import Work
from launch import cli

if TYPE_CHECKING:  # --help does not wait for jax
    from affect_jax.datasets.recordings import Recordings

FLAGS = flags.FLAGS
UNITS = ("action_units", "both")


class Asked(NamedTuple):
    """What to fit; the flags of the same names."""

    methods: Sequence[str] = ()
    seeds: int = 1
    iterations: int = 10_000
    refit: bool | None = None


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    config_flags.DEFINE_config_file(
        "config", None, "configs/<experiment>.py[:argument].", lock_config=True, flag_values=values
    )
    default = Asked()
    flags.DEFINE_list("methods", [], f"Of {', '.join(NAMES)}. Default: all that can be.", flag_values=values)
    flags.DEFINE_integer("seeds", default.seeds, "Of random_subset; nothing else is random.", flag_values=values)
    iterations = "Random subsets of random_subset; its authors took 300,000."
    flags.DEFINE_integer("iterations", default.iterations, iterations, flag_values=values)
    refit = "Fit finally on training and validation part together. Default: where the corpus is cross-validated."
    flags.DEFINE_bool("refit", None, refit, flag_values=values)
    flags.DEFINE_string("workdir", "", "Run folder. Default: runs/<name of the config>_baseline.", flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Runs the baselines of the flags, or prints what is there."""
    cli.refuse_arguments(argv)
    from affect_jax.reports import comparison_grid
    from affect_jax.runtime import run_folder

    config_arg = sources.baselines(cli.name_config(FLAGS["config"].config_filename))
    folder = Path(FLAGS.workdir or f"runs/{run_folder.name_run_folder(config_arg)}")
    asked = {name: FLAGS[name].value for name in Asked._fields}
    print(comparison_grid.summary(make(FLAGS.config, folder, config_arg=config_arg, asked=Asked(**asked))))
    print(f"run folder: {folder}")


def make(config: ml_collections.ConfigDict, folder: Path, *, config_arg: str, asked: Asked) -> dict[str, Any]:
    """Fits baselines on a config's corpus, target and folds; where that is done, reads what is there.

    Args:
      config: of a corpus of speech.
      folder: the run folder.
      config_arg: of `sources.baselines`.
      asked: which, and how.

    Returns:
      What results.json holds.

    Raises:
      UserError: a method or a corpus that cannot be, or a folder of another config.
    """
    from affect_jax.baselines import fit_folds, functionals
    from affect_jax.config import fit
    from affect_jax.datasets import release_files
    from affect_jax.runtime import run_folder

    config = fit.fit_to_corpus(config)
    if not config.corpus.get("rate") or config.corpus.get("sound", "waveform") != "waveform":
        raise UserError(
            f"the corpus {config.corpus.name!r} of {config_arg} is not one of speech; choose another config"
        )
    methods = asked.methods or [name for name in NAMES if name != "is13" or functionals.is_opensmile_installed()]
    plan = fit_folds.Plan(config.task, config.data.target, tuple(methods), asked.seeds, asked.iterations, asked.refit)
    fit_folds.check_plan(plan)
    made_of = {name: json.loads(config.to_json())[name] for name in ("name", "task", "corpus", "data")}
    made_of |= {"folds": list(config.study.folds), "baselines": asked._asdict()}
    if (folder / "results.json").exists():
        run_folder.open_run_folder(folder, made_of, config_arg)
        return run_folder.read_json(folder / "results.json")
    with Work() as notes:
        plan, recordings, splits = _prepare(plan, config, notes, chosen=bool(asked.methods))
        data_dir = Path(config.corpus.data_dir or release_files.find_default_data_dir()).expanduser().resolve()
        with run_folder.lock_run_folder(folder):
            run_folder.open_run_folder(folder, made_of, config_arg)
            return fit_folds.fit_folds(
                plan,
                recordings,
                splits,
                int(config.corpus.rate),
                data_dir / "descriptors" / recordings.corpus,
                folder,
                name=f"{config.name} baselines",
                config_arg=config_arg,
                progress=notes.progress,
            )


def _prepare(
    plan: "study.Plan", config: ml_collections.ConfigDict, notes: Work, *, chosen: bool
) -> tuple["study.Plan", "Recordings", list]:
    """The plan without what cannot be, unless it was asked for by name; the corpus; its folds.

    Raises:
      UserError: a method that was asked for and cannot be, or whatever is wrong with the corpus.
    """
    from affect_jax.baselines import functionals
    from affect_jax.data import splits

    if not functionals.is_opensmile_installed():
        if not chosen:
            notes.say("note: without the IS13 baseline, as openSMILE is not installed (pip install opensmile)")
        if "random_subset" in plan.methods:
            notes.say("note: random_subset chooses among MFCC statistics, as openSMILE is not installed")
    if not set(UNITS) & set(plan.methods):
        recordings = splits.load_recordings(config)
    elif "modalities" in config.corpus and config.corpus.name != splits.OWN:
        speech = config.corpus.modalities
        config.corpus.modalities = ("speech", "action_units")
        try:
            recordings = splits.load_recordings(config)
        except UserError as error:
            if chosen:
                raise
            notes.say(f"note: without action units ({error})")
            plan = plan._replace(methods=tuple(m for m in plan.methods if m not in UNITS))
            config.corpus.modalities = speech
            recordings = splits.load_recordings(config)
    elif chosen:
        raise UserError(f"the corpus {config.corpus.name!r} has no action units; leave {' and '.join(UNITS)} out")
    else:
        plan = plan._replace(methods=tuple(m for m in plan.methods if m not in UNITS))
        recordings = splits.load_recordings(config)
    kind = "synthetic " if recordings.synthetic else ""
    notes.say(f"{kind}corpus {recordings.corpus} ({recordings.form}): {', '.join(plan.methods)}")
    if config.corpus.name == splits.OWN:
        recordings = _as_speech(recordings, config.data.modalities[0])
    return plan, recordings, splits.make_folds(recordings, config)


def _as_speech(recordings: "Recordings", column: str) -> "Recordings":
    """One's own column of recordings under the name that it has in other corpora."""
    splits = {
        part: [r._replace(features={"speech": r.features[column]} if column in r.features else {}) for r in members]
        for part, members in recordings.splits.items()
    }
    return recordings._replace(splits=splits)


if __name__ == "__main__":
    define_flags(FLAGS)
    flags.mark_flag_as_required("config")
    cli.run(main)
