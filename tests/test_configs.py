"""Every config with every argument fits its corpus, its model and the published sizes; nothing is compiled."""

import jax
import pytest

from affect_jax.config.load import load_config
from affect_jax.config.models import make_model
from affect_jax.data import folds as folding
from affect_jax.data import splits
from affect_jax.errors import UserError
from affect_jax.training import loop
from configs import (
    conflict_frames,
    conflictnet,
    conflictnet_words,
    difficulty,
    emobed,
    fusion,
    fusion_clips,
    interactions,
    sentiment,
    seqsew,
    seqsew_unimodal,
    sew,
    sew_unimodal,
    speech_emotion,
    third_modality,
    zoo,
)
from configs.recipes import (
    debates_speech,
    mosi_utterances,
    ravdess_audio,
    ravdess_distilled,
    ravdess_face,
    recola_traces,
)
from tests import small

CASES = [
    (config, argument)
    for config, arguments in (
        (sew, (*sew.PAIRS, sew.SEVERAL[0])),
        (sew_unimodal, sew_unimodal.TARGETS),
        (difficulty, (difficulty.TARGETS[0], "arousal,raters")),
        (emobed, (emobed.PAIRS[0], "valence,audio+app")),
        (seqsew, (*seqsew.PAIRS, seqsew.SEVERAL[0])),
        (seqsew_unimodal, seqsew_unimodal.ARGUMENTS),
        (conflictnet, (*conflictnet.ARGUMENTS, "wav2vec2", "wav2vec2,ravdess_debates")),
        (conflictnet_words, ("",)),
        (conflict_frames, ("overlap", "overlap,ravdess_debates", "attention,ravdess_debates")),
        (speech_emotion, (*speech_emotion.CLASSES, "wav2vec2", "wav2vec2,emotion7")),
        (sentiment, ("text",)),
        (third_modality, third_modality.MODELS),
        (interactions, ("mixed",)),
        (ravdess_audio, tuple(ravdess_audio.READS)),
        (ravdess_face, ("ablations",)),
        (ravdess_distilled, ("face", ravdess_distilled.TAUGHT)),
        (mosi_utterances, ("text+audio+video",)),
        (recola_traces, ("arousal",)),
        (debates_speech, ("log_mel",)),
        (
            zoo,
            (
                "fusion,cmu_mosi",
                "fusion,cmu_mosi_videos",
                "colearning,synthetic",
                "colearning,planted",
                "colearning,cmu_mosi_audio",
                "colearning,recola",
            ),
        ),
        (fusion_clips, ("trimodal,iemocap",)),
        (fusion, ("all", "all,ravdess", "moddrop,iemocap_release,emotion4")),
    )
    for argument in arguments
]
# Parameters of the whole model (SEW) or of what is deployed (SeqSEW), from the thesis' sizes.
WHOLE = {"arousal,geo+audio": 910_413, "valence,audio+geo": 1_841_013, "valence,app+geo": 1_891_001}
DEPLOYED = {"recola,arousal,geo+audio": 12_397_589, "mosi,video+text": 595_701, "mosi,audio+text": 449_523}

# Of chapter 4's 36 studies; tracing all of them takes a minute.
ONE_OF_A_KIND = ("cross+intra", "intra+moddrop", "intra A", "V2T+A2T", "mdre T+A", "mha V+A", "amh")

FEW_ACTORS = dict(actors=10, statements=1, repetitions=1, rate=8000, seed=0)
SMALL = {
    "recola": dict(synthetic=dict(recordings=2, frames=80, seed=0)),
    "cmu_mosi": dict(synthetic=dict(train_videos=12, test_videos=2, seed=0)),
    "spoken_conflict": dict(synthetic=dict(train=4, validation=2, test=2, seconds=2, seed=0)),
    "sspnet_conflict": dict(synthetic=dict(train=3, validation=2, test=2, seconds=2, seed=0)),
    "ravdess": dict(synthetic=FEW_ACTORS),
    "manifest": {},
    "iemocap": dict(synthetic=dict(sessions=3, utterances=12, text=6, video=6, audio=8, width=3, seed=1)),
    "interacting": dict(synthetic=dict(scenarios=3, train=2, validation=1, test=1, steps=2, columns=4, seed=0)),
    "planted": dict(synthetic=dict(scenarios=3, train=2, validation=1, test=1, steps=2, columns=60, seed=0)),
    "ravdess_debates": dict(synthetic=FEW_ACTORS, train=2, validation=2, test=2, seconds=6),
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("corpora")


def size(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize(("config", "argument"), CASES, ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_a_config_fits(config, argument, data_dir):
    made = config.get_config(argument) if argument else config.get_config()
    made.corpus.data_dir = str(data_dir)
    made.corpus.update(SMALL[made.corpus.name])
    experiment = load_config(small.forget_synthetic(made))
    specs = list(experiment.studies)
    recordings = splits.load_recordings(experiment.corpus)
    developed = recordings.splits["train"] + recordings.splits.get("validation", [])
    part = splits.build_split(developed, experiment.data)
    members = splits.make_folds(recordings, experiment.trials.folds)[:1]
    folds = folding.build_folds(part.corpus, part.index, members, splits.choose_standardized(experiment.data))
    if config is fusion:
        specs = [spec for spec in specs if spec.name in ONE_OF_A_KIND]
    if argument in seqsew.SEVERAL:  # the rest have fewer teachers still
        specs = [spec for spec in specs if spec.name in ("all", "only_text")]
    for spec in specs:
        loop.check_stages(make_model(spec.model), spec.stages, part.corpus, folds)
    model = make_model(specs[0].model)
    params = loop.trace_shapes(model, part.corpus, folds)[0]
    if config is fusion and argument == "all":
        assert {spec.name for spec in specs} == set(ONE_OF_A_KIND)
    if config is sew and argument in sew.PAIRS:
        assert size(params) == WHOLE.get(argument, 477_885)
    if argument == "sspnet_conflict":
        sizes = {spec.name: size(loop.trace_shapes(make_model(spec.model), part.corpus, folds)[0]) for spec in specs}
        assert sizes["conflictnet"] == 420_418 + 896
        assert sizes["conflictnet"] - sizes["paranet"] == 8_257
        assert sizes["paranet"] == sizes["paranet+ap"]
    if config is seqsew and argument in DEPLOYED:
        assert sum(size(params[name]) for name in model.deployed) == DEPLOYED[argument]


@pytest.mark.parametrize(
    "config",
    [
        *(sew, sew_unimodal, difficulty, emobed, seqsew, seqsew_unimodal, conflictnet, conflict_frames, speech_emotion),
        *(fusion, sentiment),
        *(ravdess_audio, ravdess_face, ravdess_distilled, mosi_utterances, recola_traces, debates_speech),
    ],
)
def test_an_unknown_argument_is_told_what_there_is(config):
    with pytest.raises(UserError, match="choose one of"):
        config.get_config("joy,nose+ear")


def test_clips_are_of_the_corpus_that_the_argument_names():
    forms = {"": ("ravdess", "video"), ",iemocap": ("iemocap", "release"), ",cmu_mosi": ("cmu_mosi", "raw")}
    for name, expected in forms.items():
        corpus = fusion.get_config(f"trimodal,clips{name}").corpus
        assert (corpus.name, corpus.form) == expected
    with pytest.raises(UserError, match="choose one of"):
        fusion.get_config("trimodal,clips,emotion7")
