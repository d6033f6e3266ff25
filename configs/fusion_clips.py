"""Attention fusion of what extractors make of a corpus' films, sound and words (docs/clips.md#corpora-of-clips).

    python -m launch.main --config=configs/fusion_clips.py                  # 8 emotions on a synthetic RAVDESS of films
    python -m launch.main --config=configs/fusion_clips.py:trimodal,ravdess --config.corpus.manual_dir=DIR \
        --config.corpus.video_features=faces+resnet101:FILE
    python -m launch.main --config=configs/fusion_clips.py:trimodal,iemocap --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/fusion_clips.py:trimodal,cmu_mosi --config.corpus.manual_dir=DIR

Argument: a set of studies (configs/fusion_sets.py), then the corpus: ravdess (sound and pictures), iemocap (emotion7)
or cmu_mosi (sentiment; its standard split). Extractors are mfcc, hog and wordllama unless a flag says others, such as
--config.corpus.audio_features=DIR of a wav2vec 2.0.
"""

from typing import Any

import ml_collections

from configs import base, fusion_sets

LETTERS = {"T": "text", "V": "video", "A": "audio"}
MAP_STEPS = {"text": 0, "video": 0, "audio": 50}
EXTRACTORS = {"text": "wordllama", "video": "hog", "audio": "mfcc"}
CORPORA = ("ravdess", "iemocap", "cmu_mosi")


def get_config(argument: str = "trimodal") -> ml_collections.ConfigDict:
    """The config of one set of studies on one corpus."""
    chosen, name = (*argument.split(","), "")[:2]
    name = base.parse_argument(name or CORPORA[0], CORPORA, "the corpus")
    letters = {letter: m for letter, m in LETTERS.items() if name != "ravdess" or m != "text"}
    target, classes = {"ravdess": ("emotion", 8), "iemocap": ("emotion7", 7), "cmu_mosi": ("sentiment", 0)}[name]
    map_steps = {m: MAP_STEPS[m] for m in letters.values()}

    task = "multiclass" if classes else "sentiment_regression"
    config = dict(name=f"Attention fusion {chosen} of clips {name}", task=task, corpus=_make_corpus(name, target))
    steps = dict.fromkeys(letters.values(), base.left_open(int)) | dict(audio=400)  # the first 4 s of sound
    config["data"] = base.data(tuple(letters.values()), target, unit="item", eval_size=64, steps=steps)
    config["model"] = dict(
        fusion_sets.attention(letters, map_steps, "intra"),
        name="attention_fusion",
        classes=classes,
        pairs=(),
        statistical_pooling=True,
        units=32,
        heads=4,
        hidden=32,
        fidelity="thesis",  # or authors
    )
    loss = base.loss("cross_entropy", "logits", "target") if classes else base.mse("prediction", "target")
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=dict(prediction=loss),
            optimizer=base.adam(1e-3),
            monitor="accuracy" if classes else "ccc",
            epochs=30,
            patience=5,
            dropout=0.1,
        )
    )
    compared = dict(classes=classes, prosody="", units=32)
    config["studies"] = fusion_sets.make_studies(chosen, letters, map_steps, compared, moddrop_patience=5)
    config["study"] = base.trials(seeds=2)
    config["search"] = base.search()
    config["engine"] = base.engine()
    return ml_collections.ConfigDict(config)


def _make_corpus(name: str, target: str) -> dict[str, Any]:
    """The corpus in its form of clips, and what is made of them."""
    modalities = ("video", "audio") if name == "ravdess" else tuple(EXTRACTORS)
    made = {f"{m}_features": EXTRACTORS[m] for m in modalities} | dict(frame_rate=3.0, labels=target)
    made["form"] = {"ravdess": "video", "iemocap": "release", "cmu_mosi": "raw"}[name]
    sizes = {
        "ravdess": dict(actors=10, statements=1, repetitions=1, rate=16000, seed=0),
        "iemocap": dict(sessions=5, utterances=24, text=16, video=12, audio=24, width=16, seed=0),
        "cmu_mosi": dict(train_videos=24, test_videos=12, seed=0),
    }
    return base.corpus(name, **made, synthetic=sizes[name])
