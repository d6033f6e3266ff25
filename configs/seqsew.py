"""SeqSEW: trained stronger modalities guide a weaker one over a sequence (thesis 5.2.3; tables 5.6 and 5.7).

    python -m launch.main --config=configs/seqsew.py    # mosi,video+text on a small synthetic CMU-MOSI
    python -m launch.main --config=configs/seqsew.py:mosi,video+text --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew.py:recola,arousal,geo+audio --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew.py:mosi,video+text+audio --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew.py:auto --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/seqsew.py:auto --config.corpus.manifest=FILE

Argument: mosi,video+text | mosi,audio+text | recola,arousal,geo+audio | recola,arousal,app+audio |
recola,valence,audio+app | recola,valence,audio+geo; with two teachers (thesis 6.2, the weaker modality first):
mosi,video+text+audio | mosi,audio+text+video | recola,arousal,geo+audio+app | recola,arousal,app+audio+geo |
recola,valence,audio+app+geo; auto | auto,mosi | auto,recola,arousal | auto,recola,valence.
`auto` (`auto,mosi`) ranks the modalities first, as configs/rank.py does, in WORKDIR/ranking: the one with the best mean
validation score over folds and seeds teaches the one with the worst; test scores choose nothing.
On the synthetic corpus: 111 s of processor time; accuracy 56 ± 6 %, the majority class 53 % (test split): small.
A stage for each teacher trains its encoder and classifier; stage `student` freezes them and trains the weaker
encoder, its classifier and a decoder for each teacher. Weights of losses are searched on validation. The thesis has
accuracy 63.4 (video) and 64.8 (audio) on CMU-MOSI, where always saying the majority class has 62.1.
"""

import ml_collections

from configs import base

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
FRAMES = 25  # of RECOLA, a second

# Sizes of 5.4.1, the same in every model, and two bi-GRU layers but for these two encoders.
SIZES = dict(latent=100, heads=2, feed_forward=400, transformer_layers=2, classifier_width=300, classifier_dropout=0.3)
ONE_LAYER = (("recola", "audio"), ("mosi", "text"))
SMALL = dict(latent=16, heads=2, feed_forward=32, transformer_layers=1, classifier_width=32)
WEAKER = ("weaker_encoder", "weaker_classifier")


def get_config(argument: str = ARGUMENTS[0]) -> ml_collections.ConfigDict:
    """The config of one corpus, target and weaker modality with one or more teachers."""
    base.parse_argument(argument, ARGUMENTS, "the corpus, target and modalities")
    if argument in AUTO:
        return ml_collections.ConfigDict(_rank_first(argument))
    return ml_collections.ConfigDict(_make(argument))


def _make(argument: str) -> dict:
    corpus, *target, short = argument.split(",")
    names = base.MOSI if corpus == "mosi" else base.RECOLA
    weaker, *stronger = (names[name] for name in short.split("+"))
    config = dict(begin(corpus, *target, modalities=(weaker, *stronger)), name=f"SeqSEW {argument}")
    binary = config["task"] == "binary"
    wide = (corpus, *target) == ("recola", "valence")

    config["model"] = dict(
        SIZES,
        name="seqsew",
        weaker=weaker,
        stronger=tuple(stronger),
        encoder="bigru+te",
        weaker_gru_layers=count_gru_layers(corpus, weaker),
        stronger_gru_layers=tuple(count_gru_layers(corpus, m) for m in stronger),
        activation="sigmoid" if binary else "tanh",
        decoder_width=500 if wide else 250,
        decoder_layers=1 if wide else 2,
        classes=0,
    )

    student = dict(prediction=predict(binary))  # eqs. 5.11, 5.12
    config["stages"] = {}
    for m in stronger:
        student[f"alignment_{m}"] = base.deep_cca("latent/weaker", f"latent/{m}", weight=0.1)  # eq. 5.13
        student[f"translation_{m}"] = base.loss("mae", f"translation/{m}", f"inputs/{m}", weight=0.1)  # eq. 5.14
        config["stages"][f"teacher_{m}"] = base.stage(
            train=(f"stronger_encoder_{m}", f"stronger_classifier_{m}"),
            losses=dict(prediction=predict(binary, f"/{m}")),
            prediction=f"prediction/{m}",
            dropout=0.3,
            **fit(corpus),
        )
    config["stages"]["student"] = base.stage(
        train=(*WEAKER, *(f"decoder_{m}" for m in stronger)), losses=student, dropout=0.3, **fit(corpus)
    )
    config["schedule"] = (*(f"teacher_{m}" for m in stronger), "student")
    config["studies"] = _ablate(stronger[0]) if len(stronger) == 1 else _combine(tuple(stronger))
    taught = [name for name in student if name != "prediction"]
    config["search"] = base.search(
        dict(stages=dict(student=dict(losses={n: dict(weight=(0.01, 1.0)) for n in taught})))
    )
    # The synthetic videos are few and short: smaller networks learn them faster, and nothing is searched.
    faster = dict(optimizer=dict(learning_rate=3e-3), epochs=30)
    config["synthetic"] = dict(
        model=dict(SMALL, decoder_width=32, decoder_layers=1),
        stages=dict.fromkeys(config["stages"], faster),
        search=dict(grid=None),
        study=dict(seeds=3),
    )
    return config


def begin(corpus: str, target: str = "binary", *, modalities: tuple[str, ...]) -> dict:
    """What SeqSEW and its unimodal baselines share: corpus, windows, task, seeds."""
    mosi = corpus == "mosi"
    config = dict(task="binary" if mosi else "regression", corpus=base.cmu_mosi() if mosi else base.recola())
    if mosi:
        config["data"] = base.data(modalities, target, unit="recording", eval_size=10)
    else:
        windows = dict(window=3 * FRAMES, hop=FRAMES)
        config["data"] = base.data(modalities, target, unit="window", eval_size=128, **windows)
    config["study"] = base.trials(seeds=10, folds=("draw_0", "draw_1", "draw_2") if mosi else None)
    config["engine"] = base.engine()
    return config


def count_gru_layers(corpus: str, modality: str) -> int:
    """Bi-GRU layers of an encoder (5.4.1)."""
    return 1 if (corpus, modality) in ONE_LAYER else 2


def predict(binary: bool, teacher: str = "") -> dict:
    """Binary cross-entropy, or mean squared error, of the student or of a teacher (`/text`)."""
    if binary:
        return base.loss("binary_cross_entropy", f"logits{teacher}", "target")
    return base.mse(f"prediction{teacher}", "target")


def fit(corpus: str) -> dict:
    """Optimizer, score and stopping rule of every stage: Adam, 1e-4 on CMU-MOSI and 1e-5 on RECOLA.

    The thesis gives no number of epochs; these were chosen by the time they take, not by a score.
    """
    if corpus == "mosi":
        return dict(optimizer=base.adam(1e-4), monitor="accuracy", epochs=40, patience=10)
    return dict(optimizer=base.adam(1e-5), monitor="ccc", epochs=100, patience=10)


def _ablate(teacher: str) -> dict:
    """The thesis' ablations, and the student that nobody teaches."""
    no_alignment = base.weights("student", **{f"alignment_{teacher}": 0.0})
    return dict(
        teachers=dict(variants={"SeqSEW": {}, "-LFA": no_alignment}),
        # Not a weight of 0 but a program without the decoder, which is most of the work.
        no_decoder=dict(
            stages=dict(student=dict(train=WEAKER, losses={f"translation_{teacher}": None})),
            # The last one is the control: the same student with nothing of the teacher in its losses.
            variants={"-Decoder": {}, "-(LFA & Decoder)": no_alignment},
        ),
    )


def _combine(stronger: tuple[str, ...]) -> dict:
    """All teachers, each alone, none. Decoders are most of the work, so each is a program with its own."""

    def study(variant: str, teachers: tuple[str, ...]) -> dict:
        others = [m for m in stronger if m not in teachers]
        losses = {f"{kind}_{m}": None for m in others for kind in ("alignment", "translation")}
        return dict(
            schedule=(*(f"teacher_{m}" for m in teachers), "student"),
            stages=dict(student=dict(train=(*WEAKER, *(f"decoder_{m}" for m in teachers)), losses=losses)),
            variants={variant: {}},
        )

    alone = {f"only_{m}": study(f"{m} alone", (m,)) for m in stronger}
    return dict(all=study("all teachers", stronger), **alone, none=study("no teacher", ()))


def _rank_first(argument: str) -> dict:
    """The config of a corpus and target whose pair a ranking finds, which is a config in it."""
    from configs import rank  # which reads this file

    corpus = argument.removeprefix("auto").removeprefix(",") or "mosi"
    config = dict(_make(next(pair for pair in PAIRS if pair.startswith(corpus))), name=f"SeqSEW {argument}")
    ranking = {key: value for key, value in rank.make(corpus).items() if key not in ("corpus", "engine", "synthetic")}
    config["ranking"] = dict(ranking, study=dict(ranking["study"], seeds=3))
    config["synthetic"]["ranking"] = rank.make(corpus)["synthetic"]
    return config
