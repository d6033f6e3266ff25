"""SeqSEW: a trained stronger modality guides a weaker one over a sequence (thesis 5.2.3; tables 5.6 and 5.7).

    python -m launch.main --config=configs/seqsew.py:mosi,video+text --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew.py:recola,arousal,geo+audio --config.corpus.manual_dir=DIR

Argument: mosi,video+text | mosi,audio+text | recola,arousal,geo+audio | recola,arousal,app+audio |
recola,valence,audio+app | recola,valence,audio+geo.
Stage `teacher` trains the stronger encoder and classifier; stage `student` freezes them and trains the weaker
encoder, its classifier and the decoder. Loss weights are searched on validation. The thesis has
accuracy 63.4 (video) and 64.8 (audio) on CMU-MOSI, where always saying the majority class has 62.1.
"""

import ml_collections

from configs import common

ARGUMENTS = (
    "mosi,video+text",
    "mosi,audio+text",
    "recola,arousal,geo+audio",
    "recola,arousal,app+audio",
    "recola,valence,audio+app",
    "recola,valence,audio+geo",
)
SECONDS = 25  # frames of RECOLA a second


# Sizes of 5.4.1, the same in every model.
SIZES = dict(latent=100, heads=2, feed_forward=400, transformer_layers=2, classifier_width=300, classifier_dropout=0.3)


def gru_layers(corpus: str, modality: str) -> int:
    """Two bi-GRU layers, but one for RECOLA's audio and MOSI's text (5.4.1)."""
    return 1 if (corpus, modality) in (("recola", "audio"), ("mosi", "text")) else 2


def base(corpus: str, target: str, modalities: tuple[str, ...]) -> dict:
    """What SeqSEW and its unimodal baselines share: corpus, windows, task, the number of seeds."""
    if corpus == "mosi":
        release, data = common.cmu_mosi(), common.data(modalities, "binary", "recording", eval_size=10)
        task = "binary"
    else:
        release = common.recola(target)
        window = 3 * SECONDS
        data = common.data(modalities, target, "window", window=window, hop=SECONDS, eval_size=128)
        task = "regression"
    folds = ("draw_0", "draw_1", "draw_2") if corpus == "mosi" else ()
    return dict(
        task=task, corpus=release, data=data, study=dict(only=(), folds=folds, seeds=10), engine=common.engine()
    )


def prediction_loss(task: str, who: str = "") -> dict:
    """Binary cross-entropy or mean squared error (eqs. 5.11, 5.12) of the weaker or the stronger side."""
    if task == "binary":
        return common.loss("binary_cross_entropy", f"logits{who}", "target")
    return common.loss("mse", f"prediction{who}", "target")


def fitting(corpus: str) -> dict:
    """Optimizer, score and stopping rule of every stage: Adam, 1e-4 on CMU-MOSI and 1e-5 on RECOLA.

    The thesis gives no number of epochs; these were chosen by the time they take, not by a score.
    """
    if corpus == "mosi":
        return dict(optimizer=common.adam(1e-4), metric="accuracy", epochs=40, patience=10)
    return dict(optimizer=common.adam(1e-5), metric="ccc", epochs=100, patience=10)


def get_config(argument: str = ARGUMENTS[0]) -> ml_collections.ConfigDict:
    """The config of one corpus, target and pair."""
    common.choose("the corpus, target and pair", argument, ARGUMENTS)
    corpus, *target, pair = argument.split(",")
    weaker, stronger = pair.split("+")
    names = common.MOSI if corpus == "mosi" else common.RECOLA
    shared = base(corpus, *target or [""], (names[weaker], names[stronger]))
    task = shared["task"]
    wide = (corpus, *target) == ("recola", "valence")
    config = dict(
        shared,
        name=f"SeqSEW {argument}",
        model=dict(
            SIZES,
            name="seqsew",
            weaker=names[weaker],
            stronger=names[stronger],
            encoder="bigru+te",
            weaker_gru_layers=gru_layers(corpus, weaker),
            stronger_gru_layers=gru_layers(corpus, stronger),
            activation="sigmoid" if task == "binary" else "tanh",
            decoder_width=500 if wide else 250,
            decoder_layers=1 if wide else 2,
        ),
        schedule=("teacher", "student"),
        stages=dict(
            teacher=common.stage(
                ("stronger_encoder", "stronger_classifier"),
                dict(prediction=prediction_loss(task, "/stronger")),
                prediction="prediction/stronger",
                dropout=0.3,
                **fitting(corpus),
            ),
            student=common.stage(
                ("weaker_encoder", "weaker_classifier", "decoder"),
                dict(
                    prediction=prediction_loss(task),
                    alignment=common.alignment(0.1),
                    translation=common.loss("mae", "translation", f"inputs/{names[stronger]}", 0.1),
                ),
                dropout=0.3,
                **fitting(corpus),
            ),
        ),
        studies=dict(
            pair=dict(cells={"SeqSEW": {}, "-LFA": common.weight("student", alignment=0.0)}),
            # Not a weight of 0 but a program without the decoder, which is most of the work.
            no_decoder=dict(
                override=dict(stages=dict(student=dict(train=("weaker_encoder", "weaker_classifier")))),
                drop=("stages.student.losses.translation",),
                # The last one is the control: the same student with nothing of the teacher in its losses.
                cells={"-Decoder": {}, "-(LFA & Decoder)": common.weight("student", alignment=0.0)},
            ),
        ),
        search=dict(
            grid=dict(
                stages=dict(
                    student=dict(losses=dict(alignment=dict(weight=(0.01, 1.0)), translation=dict(weight=(0.01, 1.0))))
                )
            ),
            seeds=1,
        ),
    )
    return ml_collections.ConfigDict(config)
