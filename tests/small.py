"""The real experiments at sizes that train in seconds."""

from unittest import mock

import jax
import numpy as np

from affect_jax.config.load import load_config
from affect_jax.experiment.run import run_experiment
from affect_jax.training import loop, step
from configs import conflictnet, seqsew, sew, speech_emotion

FEATURES = dict(audio=4, video_geometric=5, video_appearance=3)


def run(config, folder, config_arg="x", **options):
    """Runs a ConfigDict as `launch.main` does; on one device where it names none, as one program is compiled faster."""
    config.engine.devices = config.engine.devices or 1
    return run_experiment(load_config(config), str(folder), config_arg=config_arg, **options)


def give_drawn_weights(model, stages, task, corpus, folds, trials, engine, **_):
    """In place of `loop.fit_study`: numbers for which nothing is compiled, twice as large as layers draw them, so that
    answers differ."""
    draw, count = np.random.default_rng(0), len(trials)

    def make(leaf):
        return (draw.normal(size=(count, *leaf.shape)) * 2 / np.sqrt(leaf.shape[0])).astype(np.float32)

    params = jax.tree.map(make, loop.trace_shapes(model, corpus, folds).params)
    if step.STATISTICS in params:  # variances among them
        params[step.STATISTICS] = jax.tree.map(np.abs, params[step.STATISTICS])
    none = {stage.name: np.zeros(count, np.int32) for stage in stages}
    return loop.Fitted(params, np.zeros(count, np.float32), none, none, np.ones(count, bool), {})


def run_drawn(config, folder, config_arg="x"):
    """`run` with drawn weights in place of trained ones."""
    with mock.patch.object(loop, "fit_study", give_drawn_weights):
        return run(config, folder, config_arg)


def forget_synthetic(config):
    """The config without what a synthetic corpus would change of it: sizes and schedules are those of a release."""
    with config.unlocked():
        if "synthetic" in config:
            del config["synthetic"]
    return config


def sew_config(data_dir, **study):
    """configs/sew.py on a synthetic RECOLA of 3 x 2 recordings of 30 frames."""
    config = forget_synthetic(sew.get_config())
    config.corpus.data_dir = str(data_dir)
    config.corpus.synthetic = dict(recordings=2, frames=30, seed=0, **FEATURES)
    config.model.weaker_layers = (4, 3)
    config.model.stronger_layers = ((3,),)
    config.model.stronger_decoder_layers = ((3, 4),)
    config.model.regressor_width = 3
    config.model.regressor_layers = 1
    config.stages.fit.losses.alignment_audio.k = 2
    config.stages.fit.epochs = 3
    config.study.seeds = 2
    for key, value in study.items():
        config.study[key] = value
    config.engine.checkpoint_seconds = 0.0
    return config


def seqsew_config(data_dir):
    """configs/seqsew.py on a synthetic CMU-MOSI of 14 + 3 videos, with a search."""
    config = forget_synthetic(seqsew.get_config("mosi,video+text"))
    config.corpus.data_dir = str(data_dir)
    config.corpus.synthetic = dict(train_videos=14, test_videos=3, text=4, audio=3, video=5, seed=0)
    config.model.encoder = "bigru"
    config.model.latent = 4
    config.model.feed_forward = 5
    config.model.transformer_layers = 1
    config.model.classifier_width = 4
    config.model.weaker_gru_layers = 1
    config.model.decoder_width = 3
    config.model.stronger_gru_layers = (1,)
    config.model.decoder_layers = 1
    config.study.folds = ("draw_0", "draw_1")
    config.study.seeds = 2
    # What is left has as many trials in its search as in its final study, and as many teachers, as one searched weight
    # is a teacher's: both share what is compiled.
    with config.unlocked():
        del config.studies["no_decoder"]
        del config.studies.teachers.variants["-LFA"]
    for name in ("teacher_text", "student"):
        config.stages[name].epochs = 2
        config.stages[name].optimizer.learning_rate = 0.01
    config.stages.student.losses.alignment_text.k = 2
    with config.search.unlocked():
        config.search.grid = dict(stages=dict(teacher_text=dict(losses=dict(prediction=dict(weight=(0.01, 1.0))))))
    return config


NETWORK = dict(filters=(2,), widths=(6,), pools=(40,), lstm_units=(3, 2), attention_units=2)
RAW_CNN = dict(name="raw_cnn", filters=(2,), widths=(6,), pools=(40,), hidden=2)


def conflictnet_config(data_dir):
    """configs/conflictnet.py on a synthetic SSPNet Conflict of 6 + 3 + 3 clips of two seconds."""
    config = conflictnet.get_config()
    config.corpus.data_dir = str(data_dir)
    config.corpus.synthetic = dict(train=6, validation=3, test=3, seconds=2, seed=0)
    config.stages.fit.epochs = 2
    config.stages.fit.batch = 4
    config.data.eval_size = 4
    with config.unlocked():
        config.model.update(NETWORK)
        del config.studies["raw_cnn"]
    return config


def encoder_config(data_dir):
    """configs/speech_emotion.py:wav2vec2 on one fold of a synthetic RAVDESS, cut to an eighth of a second."""
    config = forget_synthetic(speech_emotion.get_config("wav2vec2"))
    config.corpus.data_dir = str(data_dir)
    config.corpus.synthetic = dict(actors=10, statements=1, repetitions=1, rate=8000, seed=0)
    config.study.folds, config.study.seeds = ("fold_1",), 2
    config.data.steps.speech = 2000
    config.stages.fit.epochs = 2
    return config


def speech_emotion_config(data_dir):
    """configs/speech_emotion.py on two folds of a synthetic RAVDESS, cut to half a second."""
    config = forget_synthetic(speech_emotion.get_config())
    config.corpus.data_dir = str(data_dir)
    config.corpus.synthetic = dict(actors=10, statements=1, repetitions=1, rate=8000, seed=0)
    config.study.folds = ("fold_1", "fold_4")
    config.data.steps.speech = 4000
    with config.unlocked():
        config.model.update(NETWORK)
    return config
