"""Blocks that the experiments share: corpora, stages, losses, the engine. Values are the thesis' where it gives one.

What is left open is None, with a type, so that a flag can set it: `--config.corpus.manual_dir=DIR`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import FieldReference, config_dict

from affect_jax.errors import UserError, suggest_nearest

RECOLA = {"audio": "audio", "geo": "video_geometric", "app": "video_appearance"}
"""Short name of a modality in an argument -> its name in the corpus."""
MOSI = {"text": "text", "audio": "audio", "video": "video"}


def left_open(kind: type) -> FieldReference:
    """None, until a flag sets a value of this type."""
    return config_dict.placeholder(kind)


def all_or_some(value: bool) -> FieldReference:
    """True or False for all or none, which a flag can replace by a tuple of names."""
    return FieldReference(value, field_type=object)


def parse_argument(argument: str, choices: Sequence[str], what: str) -> str:
    """The argument, if it is one of `choices`.

    Raises:
      UserError: it is not; the sentence lists what there is.
    """
    if argument not in choices:
        raise UserError(
            f"config argument: {what} is {argument!r}{suggest_nearest(argument, choices)}; "
            f"choose one of {', '.join(choices)}"
        )
    return argument


# --- Corpora ---------------------------------------------------------------------------------------------------------


def corpus(name: str, **settings: Any) -> dict[str, Any]:
    """A corpus and its settings. Without `manual_dir`, a small synthetic corpus in the release's own layout is used.

    The settings of one's own corpus (`manifest`, docs/own_data.md, or `arrays`, docs/arrays.md), and of several
    (`joined`, docs/across.md), stand beside them, left open.
    """
    own = dict(
        manifest=left_open(str),  # the csv file
        path=left_open(str),  # of arrays: npz, h5 or pickle, a folder or pattern of such files
        parts=left_open(config_dict.ConfigDict),  # of several corpora: name -> settings
        label_map=left_open(config_dict.ConfigDict),  # part -> label -> the label that it counts as
        train=left_open(tuple),  # parts
        test=left_open(tuple),
        widths=left_open(tuple),  # of arrays that have modalities side by side
        padding=left_open(str),  # of arrays: zeros or none
        largest_file=left_open(int),  # MB
        array=left_open(str),  # of files that have several
        min_confidence=left_open(float),
        feature_rate=left_open(float),  # frames a second of files without times
        label_rate=left_open(float),  # labels a second, likewise
        clock_tolerance=left_open(float),  # seconds
        annotation_delay=left_open(float),  # seconds
        modalities=left_open(tuple),
        target=left_open(str),  # the label
        classes=left_open(bool),  # whole numbers are classes
        pair=left_open(str),  # weaker+stronger, of SEW and SeqSEW
        layout=left_open(str),  # item, group or steps
        sound=left_open(str),  # mfcc, log_mel, egemaps or waveform
        rate=left_open(int),  # Hz
        unusable=left_open(str),  # files: refuse or leave_out
        unlabelled=left_open(str),  # rows without a label: refuse or train
        nonfinite=left_open(str),  # refuse, zero or mean
        folds=left_open(int),
        seed=left_open(int),
    )
    return dict(own, name=name, manual_dir=left_open(str), data_dir=left_open(str), **settings)


def recola() -> dict[str, Any]:
    """RECOLA in the form of AVEC 2016; synthetic: 2,250 frames, against 67,509."""
    return corpus("recola", form="avec", synthetic=dict(recordings=3, frames=750, seed=0))


def cmu_mosi() -> dict[str, Any]:
    """The CMU-MOSI features of Poria et al. (or `download`); synthetic: 36 videos, against 93."""
    synthetic = dict(train_videos=24, test_videos=12, seed=0)
    validation = left_open(tuple)  # ids of videos; else three draws
    return corpus("cmu_mosi", download=False, labels="binary", validation=validation, synthetic=synthetic)


def sspnet_conflict() -> dict[str, Any]:
    """The SSPNet Conflict Corpus at 8 kHz; synthetic: clips of 6 s, against 30 s."""
    synthetic = dict(train=48, validation=16, test=16, seconds=6, seed=0)
    return corpus("sspnet_conflict", rate=8000, partition=left_open(str), clipped="note", synthetic=synthetic)


def ravdess(labels: str) -> dict[str, Any]:
    """RAVDESS with its five folds of actors; synthetic: 10 actors, against 24."""
    synthetic = dict(actors=10, statements=2, repetitions=1, rate=16000, seed=0)
    return corpus("ravdess", rate=8000, labels=labels, synthetic=synthetic)


def ravdess_debates() -> dict[str, Any]:
    """Clips of 30 s put together from RAVDESS: real speech, constructed target."""
    synthetic = dict(actors=10, statements=2, repetitions=1, rate=16000, seed=0)
    sizes = dict(train=160, validation=48, test=64, seconds=30, rate=8000, seed=0)
    return corpus("ravdess_debates", **sizes, synthetic=synthetic)


def iemocap(labels: str, form: str = "precomputed") -> dict[str, Any]:
    """IEMOCAP: the features and folds of AMH's authors ('precomputed'), or the whole 'release'; synthetic: 120
    utterances."""
    synthetic = dict(sessions=5, utterances=24, text=16, video=12, audio=24, width=16, seed=0)
    files = dict(glove=left_open(str), video_features=left_open(str))  # of the release
    if form == "release":
        files |= dict(text_features=left_open(str), audio_features=left_open(str), frame_rate=left_open(float))
    return corpus("iemocap", form=form, labels=labels, **files, synthetic=synthetic)


# --- What an example is ----------------------------------------------------------------------------------------------


def data(modalities: Sequence[str], target: str, unit: str, eval_size: int, **settings: Any) -> dict[str, Any]:
    """What an example is (affect_jax/config/schema.py, `Data`)."""
    defaults = dict(
        window=left_open(int),  # frames; 0 for whole recordings
        hop=left_open(int),  # frames
        window_seconds=left_open(float),  # of one's own corpus
        hop_seconds=left_open(float),
        steps=left_open(dict),
        average={},  # modality -> steps of a mean; a table, so that a flag can fill it
        buckets=left_open(int),
        cut_outliers=True,
        standardize=all_or_some(True),  # or the modalities that are; the thesis says it of audio alone
        standardize_within=left_open(str),  # group or recording
        delay=0,  # frames
        postprocess=False,
        rescale=left_open(str),
    )
    return defaults | dict(modalities=tuple(modalities), target=target, unit=unit, eval_size=eval_size) | settings


# --- Pretrained encoders ---------------------------------------------------------------------------------------------


def encoder(family: str, train: str, layer: str, **settings: Any) -> dict[str, Any]:
    """An encoder (affect_jax/encoders/tuning.py, `EncoderSettings`): a tiny random one, until a flag names weights."""
    trained = dict(train=train, last=2, rank=8, alpha=16.0, projections=())  # `last` layers; `rank` of adapters
    of_weights = dict(described=left_open(str), fingerprint=left_open(str), normalises=True)
    masks = {name: left_open(float) for name in ("step_masks", "channel_masks", "layer_drop")}  # None: of the weights
    return dict(weights=left_open(str), family=family, layer=layer) | trained | masks | of_weights | settings


# --- Losses: what meets what -----------------------------------------------------------------------------------------


def loss(kind: str, prediction: str, target: str, weight: float = 1.0, **options: Any) -> dict[str, Any]:
    """A loss between a named output and `target` or `inputs/<modality>`."""
    return dict(kind=kind, prediction=prediction, target=target, weight=weight, **options)


def mse(prediction: str, target: str, weight: float = 1.0) -> dict[str, Any]:
    """Mean squared error."""
    return loss("mse", prediction, target, weight)


def deep_cca(a: str, b: str, weight: float = 1.0, top: int = 10) -> dict[str, Any]:
    """Deep CCA of two latent codes: the sum of the top correlations, with a ridge relative to the codes' own scale."""
    return dict(kind="dcca", a=a, b=b, weight=weight, k=top, ridge=1e-3, ridge_mode="scale")


def weights(stage: str, **values: float) -> dict[str, Any]:
    """A variant that fixes loss weights: `weights('fit', alignment_audio=0.0)`."""
    return dict(stages={stage: dict(losses={name: dict(weight=value) for name, value in values.items()})})


def codes(kind: str, a: str, b: str, weight: float = 1.0, **options: Any) -> dict[str, Any]:
    """A loss of two codes: cmd, mmd, difference, and the alignments."""
    return dict(kind=kind, a=a, b=b, weight=weight, **options)


# --- Stages ----------------------------------------------------------------------------------------------------------


def sgd(learning_rate: float, momentum: float, weight_decay: float) -> dict[str, Any]:
    """Stochastic gradient descent with momentum."""
    return dict(
        name="sgd",
        learning_rate=learning_rate,
        inverse_time_decay=0.0,
        momentum=momentum,
        weight_decay=weight_decay,
        **_open_schedule(),
    )


def adam(
    learning_rate: float, weight_decay: float = 0.0, inverse_time_decay: float = 0.0, epsilon: float = 1e-8
) -> dict[str, Any]:
    """Adam; `epsilon` as in PyTorch, where Keras has 1e-7."""
    return dict(
        name="adam",
        learning_rate=learning_rate,
        inverse_time_decay=inverse_time_decay,
        weight_decay=weight_decay,
        epsilon=epsilon,
        **_open_schedule(),
    )


def adamw(learning_rate: float, weight_decay: float, schedule: str = "constant", warmup: float = 0.0) -> dict[str, Any]:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019) and a schedule over all updates of the stage."""
    return dict(adam(learning_rate, weight_decay), name="adamw", schedule=schedule, warmup=warmup)


def _open_schedule() -> dict[str, Any]:
    """Neither clipping nor a schedule of updates nor rates of single submodules, until a flag says so."""
    return dict(clip=left_open(float), schedule="constant", warmup=0.0, rates={})


def change_nothing() -> dict[str, Any]:
    """No random changes of training batches (affect_jax/config/parse.py, `AugmentSettings`), until a flag says so."""
    strengths = ("speed", "shift", "gain", "noise", "time_width", "band_width", "mixup", "modality_dropout")
    off = {name: left_open(float) for name in (*strengths, "reverberation")} | {"impulse_responses": left_open(str)}
    return dict(off, modalities=(), crop=left_open(int), time_masks=2, band_masks=2)


def stage(
    *,
    train: Sequence[str],
    losses: Mapping[str, Any],
    optimizer: Mapping[str, Any],
    monitor: str,
    epochs: int,
    patience: int,
    batch: int = 32,
    dropout: float = 0.0,
    prediction: str = "prediction",
    plateau: Mapping[str, Any] | None = None,
    keep: str = "best",
    augment: Mapping[str, Any] | None = None,
    turns: Mapping[str, Any] | None = None,
    cycle: Sequence[str] = (),
) -> dict[str, Any]:
    """One stage of training (affect_jax/config/parse.py, `StageSettings`).

    `monitor` is the validation score of the output `prediction`; after `patience` epochs without a better one it stops.
    `turns` (name -> `turn(...)`) alternate in the order of `cycle`.
    """
    never = dict(factor=0.1, patience=left_open(int), metric=left_open(str))
    return dict(
        train=tuple(train),
        losses=dict(losses),
        optimizer=dict(optimizer),
        batch=batch,
        epochs=epochs,
        patience=patience,
        plateau=never | dict(plateau or {}),
        dropout=dropout,
        monitor=dict(metric=monitor, prediction=prediction),
        keep=keep,  # best, last, ema or swa
        average_decay=0.99,  # of ema
        average_start=0,  # of swa
        moddrop=(),
        precision="float32",  # or bfloat16
        augment=change_nothing() | dict(augment or {}),
        **(dict(turns=dict(turns), cycle=tuple(cycle)) if turns else {}),
        pieces=1,  # of a batch, whose gradients are added up
    )


def turn(
    train: Sequence[str],
    losses: Sequence[str],
    optimizer: Mapping[str, Any] | None = None,
    modalities: Sequence[str] = (),
) -> dict[str, Any]:
    """A turn of a stage: what it trains, by which of the stage's losses; without an optimizer, by the stage's."""
    own = {} if optimizer is None else dict(optimizer=dict(optimizer))
    return dict(train=tuple(train), losses=tuple(losses), modalities=tuple(modalities), **own)


# --- What is trained, and how ----------------------------------------------------------------------------------------


def trials(seeds: int, folds: Sequence[str] | None = None) -> dict[str, Any]:
    """Seeds and folds of every variant; `only` some of the studies."""
    return dict(only=left_open(tuple), folds=left_open(tuple) if folds is None else tuple(folds), seeds=seeds)


def search(
    grid: Mapping[str, Any] | None = None,
    seeds: int = 1,
    random: int | None = None,
    ranges: Mapping[str, Any] | None = None,
    rounds: int = 1,
    halving: int | None = None,
) -> dict[str, Any]:
    """Hyper-parameters of which validation chooses one point for each variant and fold: all combinations of a grid, or
    `random` points from ranges, (least, greatest) at each leaf, in each of some rounds that learn from one another;
    with `halving`, one of so many goes on at each rung."""
    drawn = dict(random=left_open(int) if random is None else random, rounds=rounds, draw=0)
    drawn["halving"] = left_open(int) if halving is None else halving
    return dict(grid=dict(grid or {}), ranges=dict(ranges or {}), seeds=seeds, **drawn)


def engine() -> dict[str, Any]:
    """How a study runs, not what it computes (affect_jax/config/schema.py, `EngineSettings`)."""
    return dict(
        devices=left_open(int),
        data=1,
        trials_at_once=left_open(int),
        trial_batch_gigabytes=4.0,
        checkpoint_seconds=60.0,
        stream=False,
        stream_megabytes=64.0,
        host_megabytes=1024.0,
    )
