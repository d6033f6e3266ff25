"""Trains what a config asks for, or goes on with it, and prints the results.

    python -m launch.main --config=configs/sew.py                  # a small synthetic corpus
    python -m launch.main --config=configs/sew.py:arousal,app+audio --config.study.seeds=10 --workdir=runs/mine
    python -m launch.main --config=configs/seqsew.py:mosi,video+text --config.corpus.manual_dir=DIR

Needs: a config; the head of its file lists its arguments. Every value in it is a flag: --config.stages.fit.epochs=5.
    configs/conflictnet.py     conflict in raw speech, ConflictNET and its ablations (chapter 3);
        configs/conflictnet_words.py the words, too; configs/conflict_frames.py how much speech overlaps, by a BLSTM
        that learned from turns, and an encoder-decoder with attention (table 3.1)
    configs/speech_emotion.py  emotions in raw speech
    configs/recipes/ravdess_audio.py  a small CNN on log-mels for emotions in acted speech (and a face);
        configs/recipes/ravdess_face.py the face alone; configs/recipes/ravdess_distilled.py one network for several;
        configs/recipes/mosi_utterances.py text, audio and video; configs/recipes/recola_traces.py labels along
        recordings; configs/recipes/debates_speech.py 30 s of speech
    configs/fusion.py          emotions from several modalities, intra- and cross-modal attention (chapter 4); of
        configs/fusion_synthetic.py, configs/fusion_iemocap.py, configs/fusion_ravdess.py, configs/fusion_manifest.py
        and configs/fusion_clips.py (films, sound and words through extractors)
    configs/sew.py             a stronger modality teaches a weaker one, step by step; configs/sew_unimodal.py one alone
    configs/seqsew.py          the same over sequences (chapter 5); configs/seqsew_unimodal.py one alone
    configs/rank.py            each modality alone, ranked: which one is the stronger? (5.2.1)
    configs/zoo.py             every method of fusion or co-learning that fits a corpus, compared
    configs/third_modality.py  when does a second teacher help? Planted answers
    configs/interactions.py    fusion where it is known how much of a label is interaction
    configs/sentiment.py       the sentiment of texts, by a pretrained encoder of words
    configs/unimodal_mosi.py   CAT-LSTM and MU-SA of one modality (table 5.6); configs/difficulty.py, MTL and DDAT,
        (RE) and (PU), and configs/emobed.py, EmoBed (tables 5.3, 5.7)
Without config.corpus.manual_dir a small synthetic corpus in the release's own layout is made and used.
Writes: the run folder, with results.json, metrics.jsonl (a line an epoch a trial), predictions.npz and weights/.

--print_config prints what would run, resolved, with the models' parameters, and trains nothing.
The same command on an interrupted run goes on from where it was; on a finished one it prints the results. Ctrl-C or
SIGTERM ends it after the current epoch, which is saved, with exit status 130 or 143; a second one ends it at once.

On several hosts, the same command in every process with --distributed=auto (SLURM, TPU pods, Open MPI, Kubernetes) or
--distributed=HOST:PORT,PROCESSES,PROCESS; the run folder is on a file system that all of them see (docs/scaling.md).
"""

import shlex
import signal
import sys
from pathlib import Path

from absl import flags
from ml_collections import config_flags

from launch import cli

FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    config_flags.DEFINE_config_file(
        "config", None, "configs/<experiment>.py[:argument].", lock_config=True, flag_values=values
    )
    workdir = "Run folder. Default: runs/<name of the config and its argument>."
    flags.DEFINE_string("workdir", "", workdir, flag_values=values)
    several = "Several processes: auto, or HOST:PORT,PROCESSES,PROCESS (the first one's address, how many, which)."
    flags.DEFINE_string("distributed", "", several, flag_values=values)
    only_print = "Print what would run, resolved, and train nothing."
    flags.DEFINE_bool("print_config", False, only_print, flag_values=values)


def main(argv: list[str]) -> None:
    """Runs the config of the flags."""
    cli.refuse_arguments(argv)
    from affect_jax.config.load import format_config, load_config
    from affect_jax.experiment import ensembles, run, terminal
    from affect_jax.runtime import hosts, run_folder, signals

    hosts.connect(FLAGS.distributed)
    config_arg = cli.name_config(FLAGS["config"].config_filename)
    corpus = FLAGS.config.corpus
    files = corpus.get("manifest") or corpus.get("path") or "+".join(corpus.get("parts") or ())
    experiment = hosts.run_in_turn(lambda: load_config(FLAGS.config, cli.list_given(FLAGS["config"])))
    if FLAGS.print_config:
        for resolved in run.list_experiments(experiment):
            print(format_config(resolved))
            print(run.describe_experiment(resolved))
        return
    workdir = FLAGS.workdir or f"runs/{run_folder.name_run_folder(config_arg, files)}"
    with signals.watch_signals("this epoch ends and is saved first; once more to end at once") as request:
        try:
            results = run.run_experiment(experiment, workdir, config_arg=config_arg, stop=request)
        except signals.Stopped as stopped:
            print(f"{stopped} and saved in {workdir}; the same command goes on from there", file=sys.stderr)
            sys.exit(128 + (request.signal or signal.SIGTERM))  # of several processes another one may have been asked
    if hosts.is_leader():
        from affect_jax.reports import ranking, verdicts

        print(terminal.format_results(ensembles.add_ensembles(Path(workdir), results).results))
        if text := verdicts.summarize_verdicts(Path(workdir)):
            print(text)
        if text := ranking.summarize_ranking(Path(workdir)):
            print(f"\n{text}")
        print(f"run folder: {workdir}")
        about = "95 % intervals, tests, confusions and curves on one page"
        print(f"next: python -m launch.report {shlex.quote(str(workdir))}    # {about}")


if __name__ == "__main__":
    define_flags(FLAGS)
    flags.mark_flag_as_required("config")
    cli.run(main)
