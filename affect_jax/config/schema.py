"""A config as frozen values: what every other room reads.

None means "left open" throughout: the backend, the corpus or the data decides.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from affect_jax.config.decode import Range
from affect_jax.config.hyper import Hyper
from affect_jax.config.stages import Stage

Task = Literal["regression", "signed_regression", "sentiment_regression", "binary", "multiclass"]
Unit = Literal["frame", "window", "recording", "item"]
Count = Annotated[int, Range(least=1)]
Seed = Annotated[int, Range(least=0, most=2**32 - 1)]
SeedCount = Annotated[int, Range(least=1, most=10_000)]


@dataclasses.dataclass(frozen=True)
class Data:
    """What an example is; see `affect_jax.data.corpus`.

    Attributes:
      modalities: the features that are read, in this order.
      target: name of the label.
      unit: an example is a frame, a window of frames, a whole recording with a label a step, or an item with one label.
      eval_size: examples in a batch of a validation or test split.
      window: steps (frames) of a window. With the unit 'recording', recordings are trained on in windows that overlap
        and show every step equally often; in evaluation every step is scored once, by the window with the most context
        around it. None: whole recordings, but of one's own corpus (docs/own_data.md) what its steps ask for. 0: whole
        recordings. None for frames and items.
      hop: steps between the starts of two windows; None for half of a window on one's own corpus. One that divides
        `window` shows every step equally often.
      window_seconds: `window` in seconds, 0 for whole recordings; of one's own corpus, where files tell its rate.
      hop_seconds: `hop` in seconds, likewise.
      steps: modality -> steps (frames, or samples of a waveform) to which an item is cut or padded; None, for one
        modality or for all, keeps the length of the longest.
      average: modality -> steps of which one mean is made before anything else, of items: means of 10 frames make a
        sequence a tenth as long, and what reads it step by step as much faster. None: every step as it is.
      buckets: lengths to which batches are padded, at most: each has examples of similar lengths, where that saves much
        (docs/scaling.md). 1 pads all to the longest. None: 1, and 3 of one's own corpus.
      cut_outliers: whether items of one's own corpus that are far longer than all others are cut.
      standardize: whether features are standardised by the mean and deviation of the training split; or the modalities
        that are. A missing modality is zeros behind that: its training mean where it is standardised, zeros of its own
        units where it is not.
      standardize_within: 'group' or 'recording': before that, features are standardised by the mean and deviation of
        their own speaker (or video) or recording, in the test split too, whose recordings are then used without their
        labels. Waveforms have a scale of their own. None: not.
      delay: frames by which the annotation lags behind the features.
      postprocess: apply AVEC's post-processing (median filter, offset, scale, shift), fitted on validation.
      rescale: 'affine' maps each trial's predictions by scale and offset, fitted on its validation split; 'authors' to
        the range of the training labels, as the authors of ConflictNET do; 'none' leaves them as the model gives them.
        None: 'affine' where a loss of 1 - PCC alone compares predictions with labels, which leaves both free.
    """

    modalities: tuple[str, ...]
    target: str
    unit: Unit
    eval_size: Count
    window: Annotated[int, Range(least=0)] | None = None
    hop: Count | None = None
    window_seconds: Annotated[float, Range(least=0)] | None = None
    hop_seconds: Annotated[float, Range(above=0)] | None = None
    steps: dict[str, Count | None] | None = None
    average: dict[str, Count] | None = None
    buckets: Count | None = None
    cut_outliers: bool = True
    standardize: bool | tuple[str, ...] = True
    standardize_within: Literal["group", "recording"] | None = None
    delay: Annotated[int, Range(least=0)] = 0
    postprocess: bool = False
    rescale: Literal["affine", "authors", "none"] | None = None


def describe_within(within: str) -> str:
    """What `config.data.standardize_within` means for what is tested, a sentence without its full stop."""
    whose = {"group": "speaker or video"}.get(within, within)
    return (
        f"features are standardised by the mean and deviation of their own {whose}, tested ones included, whose "
        "recordings are used for that without their labels"
    )


@dataclasses.dataclass(frozen=True)
class EngineSettings:
    """How a study runs; nothing here changes its numbers beyond rounding.

    Attributes:
      devices: how many are used; None for all.
      data: devices that share each batch; the others run trials side by side.
      trials_at_once: trials under one `vmap` on an accelerator; None for as many as its memory has room for.
      trial_batch_gigabytes: memory for the state of the trials that are trained together; a larger study is trained in
        several batches of trials.
      checkpoint_seconds: least time between two checkpoints; 0 saves after every epoch.
      stream: leave the features in the files of the built corpus and read what a few batches need.
      stream_megabytes: batches on a device at a time, where the corpus is streamed.
      host_megabytes: features kept in the host's memory once they were read, where the corpus is streamed.
    """

    devices: Count | None = None
    data: Count = 1
    trials_at_once: Count | None = None
    trial_batch_gigabytes: Annotated[float, Range(above=0)] = 4.0
    checkpoint_seconds: Annotated[float, Range(least=0)] = 60.0
    stream: bool = False
    stream_megabytes: Annotated[float, Range(above=0)] = 64.0
    host_megabytes: Annotated[float, Range(least=0)] = 1024.0


@dataclasses.dataclass(frozen=True)
class Trials:
    """Which trials a study has, beside its variants (`config.study`).

    Attributes:
      only: names of the studies to train; None for all.
      folds: names of the folds, or draws of a validation split; None for all that the corpus has.
      seeds: how many, from 0, or which.
    """

    seeds: SeedCount | tuple[Seed, ...]
    only: tuple[str, ...] | None = None
    folds: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Search:
    """Hyper-parameters chosen by validation, for each variant and fold (`config.search`).

    Attributes:
      grid: nested like the config, with a tuple of values at each leaf: all combinations are tried. None for no grid.
      random: number of points that are drawn from `ranges` instead, the same for all studies; None for none, or 0, as
        a flag can say it, which leaves the ranges of a config unread.
      ranges: nested like the config, with (least, greatest) at each leaf: drawn uniformly in the logarithm, or plainly
        where a range begins at 0.
      rounds: so many times `random` points are tried; those of later rounds, for each variant and fold, are such as a
        forest that was fitted to the scores so far expects much of (experiment/proposals.py).
      draw: seed of the points that are drawn.
      seeds: how many, or which, of the trials of a search.
      halving: successive halving of the points of a variant and fold: at each rung one of so many goes on, the others
        stop (training/halving.py). None lets all finish.
    """

    grid: dict[str, Any] | None = None
    random: Annotated[int, Range(least=0)] | None = None
    ranges: dict[str, Any] | None = None
    draw: Seed = 0
    seeds: SeedCount | tuple[Seed, ...] = 1
    rounds: Count = 1
    halving: Annotated[int, Range(least=2, most=1000)] | None = None


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A corpus and its settings; `affect_jax/datasets/<name>` says what they mean.

    Attributes:
      name: of a package in `affect_jax.datasets`.
      settings: all that `config.corpus` says, for the corpus' own `load`.
      synthetic: True where the corpus' release was not given, so that a generated twin is used.
    """

    name: str
    settings: Mapping[str, Any]
    synthetic: bool


class Study(NamedTuple):
    """Trials that share shapes, and so one program.

    Attributes:
      name: its key in config.studies.
      model: name and arguments of the module, see `config.models.make_model`.
      stages: in order.
      hyper: stage -> default hyper-parameters.
      variants: name -> path -> value that the variant fixes.
      points: path -> value, of each point that is searched, with the paths that this study has.
    """

    name: str
    model: Mapping[str, Any]
    stages: tuple[Stage, ...]
    hyper: dict[str, Hyper]
    variants: dict[str, dict[str, float]]
    points: tuple[dict[str, float], ...]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A whole config, resolved: what one run trains.

    Attributes:
      name: for people.
      task: what the scores are.
      corpus: what is learned from.
      data: what an example is.
      studies: all that are trained, the one that changes least of the config first.
      trials: seeds and folds of each study.
      search: chosen by validation before that.
      engine: how it runs.
      document: the plain config of all this, as config.json has it; parsing it again gives the same experiment.
      remarks: what was changed to fit the corpus, a sentence each.
    """

    name: str
    task: Task
    corpus: Corpus
    data: Data
    studies: tuple[Study, ...]
    trials: Trials
    search: Search
    engine: EngineSettings
    document: Mapping[str, Any]
    remarks: tuple[str, ...] = ()
