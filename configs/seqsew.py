"""SeqSEW: a trained stronger modality guides a weaker one over a sequence (thesis 5.2.3; tables 5.6 and 5.7).

    python -m launch.main --config=configs/seqsew.py:mosi,video+text --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew.py:recola,arousal,geo+audio --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew.py:mosi,video+text+audio --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew.py:auto --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew.py:auto --config.corpus.name=manifest --config.corpus.manifest=FILE

Argument: mosi,video+text | mosi,audio+text | recola,arousal,geo+audio | recola,arousal,app+audio |
recola,valence,audio+app | recola,valence,audio+geo; with two stronger modalities (thesis 6.2, weaker first):
mosi,video+text+audio | mosi,audio+text+video | recola,arousal,geo+audio+app | recola,arousal,app+audio+geo |
recola,valence,audio+app+geo; auto | auto,mosi | auto,recola,arousal | auto,recola,valence.
`auto` (`auto,mosi`) ranks the modalities first, as configs/rank.py does, in WORKDIR/ranking: the one with the best mean
validation score over folds and seeds teaches the one with the worst; test scores choose nothing.
Stage `teacher` trains the stronger encoder and classifier; stage `student` freezes them and trains the weaker
encoder, its classifier and the decoder. Loss weights are searched on validation. The thesis has
accuracy 63.4 (video) and 64.8 (audio) on CMU-MOSI, where always saying the majority class has 62.1.
Several stronger modalities have a stage, a decoder and two losses each (`teacher_text`, `decoder_text`,
`translation_text`, `alignment_text`), and studies with all of them, with each alone and with none.
"""

import ml_collections

from configs import common
from configs.common import Teachers

PAIRS = (
    "mosi,video+text",
    "mosi,audio+text",
    "recola,arousal,geo+audio",
    "recola,arousal,app+audio",
    "recola,valence,audio+app",
    "recola,valence,audio+geo",
)
SEVERAL = (
    "mosi,video+text+audio",
    "mosi,audio+text+video",
    "recola,arousal,geo+audio+app",
    "recola,arousal,app+audio+geo",
    "recola,valence,audio+app+geo",
)
AUTO = ("auto", "auto,mosi", "auto,recola,arousal", "auto,recola,valence")
ARGUMENTS = PAIRS + SEVERAL + AUTO
SECONDS = 25  # frames of RECOLA a second
WEAKER = ("weaker_encoder", "weaker_classifier")

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
        release = common.recola()
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


def teacher_stage(task: str, corpus: str, modality: str) -> dict:
    """The stage that trains a stronger modality's encoder and classifier by its own score."""
    who = f"/{modality}"
    parts = (f"stronger_encoder_{modality}", f"stronger_classifier_{modality}")
    losses = dict(prediction=prediction_loss(task, who))
    return common.stage(parts, losses, prediction=f"prediction{who}", dropout=0.3, **fitting(corpus))


def teaching(teachers: Teachers, modality: str) -> dict:
    """The two losses by which a stronger modality teaches the weaker one (eqs. 5.13 and 5.14)."""
    return {
        teachers.part("alignment", modality): common.alignment(modality, 0.1),
        teachers.part("translation", modality): common.loss(
            "mae", f"translation/{modality}", f"inputs/{modality}", 0.1
        ),
    }


def one_teacher() -> dict:
    """Studies of a pair: the thesis' ablations, and the student that is taught by nobody."""
    return dict(
        pair=dict(variants={"SeqSEW": {}, "-LFA": common.weight("student", alignment=0.0)}),
        # Not a weight of 0 but a program without the decoder, which is most of the work.
        no_decoder=dict(
            override=dict(stages=dict(student=dict(train=WEAKER))),
            drop=("stages.student.losses.translation",),
            # The last one is the control: the same student with nothing of the teacher in its losses.
            variants={"-Decoder": {}, "-(LFA & Decoder)": common.weight("student", alignment=0.0)},
        ),
    )


def several_teachers(teachers: Teachers, short: dict[str, str]) -> dict:
    """Studies of several: all, each alone, none. Decoders are most of the work, so each is a program with its own."""

    def study(variant: str, taught_by: tuple[str, ...]) -> dict:
        others = [m for m in teachers.names if m not in taught_by]
        decoders = tuple(f"decoder_{m}" for m in taught_by)
        schedule = (*(teachers.part("teacher", m) for m in taught_by), "student")
        return dict(
            override=dict(schedule=schedule, stages=dict(student=dict(train=WEAKER + decoders))),
            drop=tuple(f"stages.student.losses.{name}" for m in others for name in teaching(teachers, m)),
            variants={variant: {}},
        )

    alone = {f"only_{short[m]}": study(f"{short[m]} alone", (m,)) for m in teachers.names}
    return dict(all=study("all teachers", teachers.names), **alone, none=study("no teacher", ()))


def auto(argument: str) -> ml_collections.ConfigDict:
    """The config of a corpus and target whose pair is found by a ranking, which is a config in it."""
    from configs import rank  # which reads this file

    corpus = argument.removeprefix("auto").removeprefix(",") or "mosi"
    config = get_config(next(pair for pair in PAIRS if pair.startswith(corpus)))
    ranking = {k: v for k, v in rank.get_config(corpus).to_dict().items() if k not in ("corpus", "engine")}
    config.update(name=f"SeqSEW {argument}", ranking=dict(ranking, study=dict(ranking["study"], seeds=3)))
    return config


def get_config(argument: str = ARGUMENTS[0]) -> ml_collections.ConfigDict:
    """The config of one corpus, target and weaker modality with one or more stronger ones."""
    common.choose("the corpus, target and modalities", argument, ARGUMENTS)
    if argument in AUTO:
        return auto(argument)
    corpus, *target, modalities = argument.split(",")
    weaker, *stronger = modalities.split("+")
    names = common.MOSI if corpus == "mosi" else common.RECOLA
    teachers = Teachers(tuple(names[m] for m in stronger))
    shared = base(corpus, *target or [""], (names[weaker], *teachers.names))
    task = shared["task"]
    wide = (corpus, *target) == ("recola", "valence")
    gru = tuple(gru_layers(corpus, m) for m in stronger)
    taught = {name: loss for m in teachers.names for name, loss in teaching(teachers, m).items()}
    several = len(stronger) > 1
    config = dict(
        shared,
        name=f"SeqSEW {argument}",
        model=dict(
            SIZES,
            name="seqsew",
            weaker=names[weaker],
            stronger=teachers.names,
            encoder="bigru+te",
            weaker_gru_layers=gru_layers(corpus, weaker),
            stronger_gru_layers=gru,
            activation="sigmoid" if task == "binary" else "tanh",
            decoder_width=500 if wide else 250,
            decoder_layers=1 if wide else 2,
        ),
        schedule=(*(teachers.part("teacher", m) for m in teachers.names), "student"),
        stages=dict(
            {teachers.part("teacher", m): teacher_stage(task, corpus, m) for m in teachers.names},
            student=common.stage(
                (*WEAKER, *teachers.submodules("decoder")),
                dict(prediction=prediction_loss(task), **taught),
                dropout=0.3,
                **fitting(corpus),
            ),
        ),
        studies=several_teachers(teachers, {names[m]: m for m in stronger}) if several else one_teacher(),
        search=dict(
            grid=dict(stages=dict(student=dict(losses={n: dict(weight=(0.01, 1.0)) for n in taught}))), seeds=1
        ),
    )
    return ml_collections.ConfigDict(config)
