"""Blocks that the experiments share: corpora, stages, engine. Values are the thesis' where it gives one."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

RECOLA = {"audio": "audio", "geo": "video_geometric", "app": "video_appearance"}
MOSI = {"text": "text", "audio": "audio", "video": "video"}


# What can be said of one's own corpus (config.corpus.name=manifest, docs/own_data.md), left open here. A release has no
# use for it and refuses what is set, but for its own `modalities` and `target`: left open, they are what data reads.
OWN = dict(manifest="", modalities=(), target="", classes=False, pair="", layout="", sound="", rate=0, nonfinite="")
OWN |= dict(folds=0, seed=0)


def _folder(name: str, **settings: Any) -> dict[str, Any]:
    return dict(OWN, name=name, manual_dir="", data_dir="", **settings)


def sspnet_conflict() -> dict[str, Any]:
    """The SSPNet Conflict Corpus at 8 kHz; without `manual_dir`, a synthetic corpus of 6-s clips."""
    synthetic = dict(train=48, validation=16, test=16, seconds=6, seed=0)
    return _folder("sspnet_conflict", rate=8000, partition="", clipped="note", synthetic=synthetic)


def ravdess(labels: str) -> dict[str, Any]:
    """RAVDESS with its five actor folds; without `manual_dir`, a synthetic corpus."""
    synthetic = dict(actors=10, statements=2, repetitions=1, rate=16000, seed=0)
    return _folder("ravdess", rate=8000, labels=labels, synthetic=synthetic)


def iemocap(release: bool = False, labels: str = "emotion7") -> dict[str, Any]:
    """IEMOCAP, of AMH's authors' features and folds or its `release`; without `manual_dir`, a synthetic corpus."""
    synthetic = dict(sessions=5, utterances=24, text=16, video=12, audio=24, width=16, seed=0)
    form = "release" if release else "precomputed"
    return _folder("iemocap", form=form, labels=labels, glove="", video_features="", synthetic=synthetic)


def ravdess_debates() -> dict[str, Any]:
    """30-s clips put together from RAVDESS: real speech, constructed target."""
    synthetic = dict(actors=10, statements=2, repetitions=1, rate=16000, seed=0)
    sizes = dict(train=160, validation=48, test=64, seconds=30, rate=8000, seed=0)
    return _folder("ravdess_debates", **sizes, synthetic=synthetic)


def choose(what: str, value: str, among: Sequence[str]) -> str:
    """`value`, if it is one of `among`.

    Raises:
      ValueError: it is not; the sentence lists what there is.
    """
    if value not in among:
        raise ValueError(f"config argument: {what} is {value!r}; choose one of {', '.join(among)}")
    return value


def recola() -> dict[str, Any]:
    """The RECOLA corpus in AVEC 2016 form; without `manual_dir`, a synthetic one in the same layout."""
    return _folder("recola", form="avec", nonfinite="refuse", synthetic=dict(recordings=3, frames=750, seed=0))


def cmu_mosi() -> dict[str, Any]:
    """The CMU-MOSI features of Poria et al.; without `manual_dir` (or `download`), a synthetic corpus."""
    synthetic = dict(train_videos=24, test_videos=12, seed=0)
    return _folder("cmu_mosi", download=False, labels="binary", validation=(), nonfinite="refuse", synthetic=synthetic)


class Teachers(NamedTuple):
    """Names of what belongs to stronger modalities."""

    names: tuple[str, ...]

    def part(self, kind: str, modality: str) -> str:
        """Name of a teacher's loss, stage or study."""
        return f"{kind}_{modality}" if len(self.names) > 1 else kind

    def submodules(self, *kinds: str) -> tuple[str, ...]:
        """Names of all teachers' submodules of these kinds, as `affect_jax/models/sew.py` and `seqsew.py` have them."""
        return tuple(f"{kind}_{modality}" for modality in self.names for kind in kinds)


def loss(kind: str, prediction: str, target: str, weight: float = 1.0, **options: Any) -> dict[str, Any]:
    """A loss between a named output and a named target."""
    return dict(kind=kind, prediction=prediction, target=target, weight=weight, **options)


def alignment(teacher: str, weight: float = 1.0) -> dict[str, Any]:
    """Deep CCA between the two latent codes: top 10 correlations, ridge .001 relative to the codes' own scale."""
    return dict(
        kind="dcca", a="latent/weaker", b=f"latent/{teacher}", weight=weight, k=10, ridge=1e-3, ridge_mode="scale"
    )


def stage(
    train: Sequence[str],
    losses: Mapping[str, Any],
    *,
    optimizer: Mapping[str, Any],
    metric: str,
    prediction: str = "prediction",
    epochs: int,
    patience: int,
    batch: int = 32,
    dropout: float = 0.0,
    plateau: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One stage of training; see affect_jax/training/stage.py for every entry."""
    return dict(
        train=tuple(train),
        losses=dict(losses),
        optimizer=dict(optimizer),
        batch=batch,
        epochs=epochs,
        patience=patience,
        plateau=dict(dict(factor=0.1, patience=0, metric=""), **plateau or {}),
        dropout=dropout,
        monitor=dict(metric=metric, prediction=prediction),
        keep="best",
        moddrop=(),
        precision="float32",
    )


def sgd(learning_rate: float, momentum: float, weight_decay: float) -> dict[str, Any]:
    """Stochastic gradient descent with momentum."""
    return dict(
        name="sgd",
        learning_rate=learning_rate,
        inverse_time_decay=0.0,
        momentum=momentum,
        weight_decay=weight_decay,
    )


def adam(learning_rate: float, weight_decay: float = 0.0) -> dict[str, Any]:
    """Adam."""
    return dict(name="adam", learning_rate=learning_rate, inverse_time_decay=0.0, weight_decay=weight_decay)


def weight(stage_name: str, **weights: float) -> dict[str, Any]:
    """A variant that fixes loss weights, e.g. weight('fit', alignment=0.0)."""
    return dict(stages={stage_name: dict(losses={name: dict(weight=value) for name, value in weights.items()})})


def data(modalities: Sequence[str], target: str, unit: str, *, eval_size: int, window: int = 0, hop: int = 0) -> dict:
    """What an example is; see affect_jax/data/corpus.py. `delay` is in frames."""
    return dict(
        modalities=tuple(modalities),
        target=target,
        unit=unit,
        window=window,
        hop=hop,
        eval_size=eval_size,
        standardize=True,
        delay=0,
        postprocess=False,
    )


def engine() -> dict[str, Any]:
    """How a study runs, not what it computes. 0 lets the backend choose; `data` devices share each batch; `stream`
    leaves the features in their files, of which `host_megabytes` stay in the host's memory once they were read, and
    chunks of `stream_megabytes` go to a device."""
    return dict(
        devices=0,
        data=1,
        trials_at_once=0,
        trial_batch_gigabytes=4.0,
        checkpoint_seconds=60.0,
        stream=False,
        stream_megabytes=64.0,
        host_megabytes=1024.0,
    )
