r"""Classical baselines on the corpus, target and folds of a network's config, written as a run folder.

    python -m launch.baselines --config=configs/conflictnet.py:sspnet_conflict --config.corpus.manual_dir=DIR
    python -m launch.baselines --config=configs/speech_emotion.py --config.corpus.manual_dir=DIR \
      --config.corpus.rate=16000
    python -m launch.baselines --config=configs/conflictnet.py:ravdess_debates --methods=is13,random_subset --seeds=3
    python -m launch.baselines --config=configs/sew_unimodal.py:arousal --methods=svr --alone

Methods: mfcc_statistics, action_units, both (MFCC statistics and action units together), is13 (openSMILE's functionals
and a linear support vector machine), random_subset (features chosen by random subsets, then nearest neighbours),
canonical (functionals that count most in the canonical correlation with the label, then that machine), forward_backward
(functionals that enter and leave a linear regression one by one, then that machine) and nystroem (an ensemble of
approximated kernels, then sparse partial least squares).
Of labels per step, on the features of single steps, all modalities together: linear, a ridge or logistic regression,
and of numbers svr, a linear support vector regression, also behind AVEC's chain of post-processing ('SVR + offset');
with --alone also of each modality by itself ('SVR audio + offset', rows of tables 5.3 and 5.7).
Hyper-parameters are chosen on the validation split. Each final model is fitted on the training split alone, as a
network is, and once more on the training and validation splits together: the variant '…, refitted'.
Needs: a config of a corpus of speech, or of labels per step; is13 also `pip install opensmile`, action_units the
corpus' table of them.
Without --methods: all that the corpus and the installed packages allow.
Writes: runs/<name of the config>_baseline, a run folder whose study is `baseline` and which launch.report reads. The
same command on a finished folder prints its results.
"""

import shlex
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from ml_collections import config_flags

from affect_jax.baselines.methods import NAMES, Request
from launch import cli

FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    config_flags.DEFINE_config_file(
        "config", None, "configs/<experiment>.py[:argument].", lock_config=True, flag_values=values
    )
    default = Request()
    flags.DEFINE_list("methods", [], f"Of {', '.join(NAMES)}. Default: all that can be.", flag_values=values)
    flags.DEFINE_integer("seeds", default.seeds, "Seeds of random_subset; nothing else is random.", flag_values=values)
    iterations = "Random subsets of random_subset; its authors used 300,000."
    flags.DEFINE_integer("iterations", default.iterations, iterations, flag_values=values)
    refit = "Beside each model of the training split, one of the training and validation splits, a variant of its own."
    flags.DEFINE_bool("refit", default.refit, refit, flag_values=values)
    alone = "Of labels per step: also learn from each modality by itself, as the variants 'SVR audio', ..."
    flags.DEFINE_bool("alone", default.alone, alone, flag_values=values)
    flags.DEFINE_string("workdir", None, "Run folder. Default: runs/<name of the config>_baseline.", flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Runs the baselines of the flags, or prints their results where they are finished."""
    cli.refuse_arguments(argv)
    from affect_jax.baselines import run_baselines
    from affect_jax.config.load import load_config
    from affect_jax.experiment.terminal import format_results
    from affect_jax.reports import sources, verdicts
    from affect_jax.runtime import run_folder

    config_arg = sources.name_baselines(cli.name_config(FLAGS["config"].config_filename))
    experiment = load_config(FLAGS.config, cli.list_given(FLAGS["config"]))
    folder = Path(FLAGS.workdir or f"runs/{run_folder.name_run_folder(config_arg)}")
    request = Request(**{name: FLAGS[name].value for name in Request._fields})
    results = run_baselines.run_baselines(experiment, folder, config_arg=config_arg, request=request)
    print(format_results(results))
    if text := verdicts.summarize_verdicts(folder):
        print(text)
    print(f"run folder: {folder}")
    about = "beside the network's run, tested in pairs"
    print(f"next: python -m launch.report {shlex.quote(str(folder))} RUN    # {about}")


if __name__ == "__main__":
    define_flags(FLAGS)
    flags.mark_flag_as_required("config")
    cli.run(main)
