"""What is timed: steps of the models of chapters 3 to 5 at their published sizes; `data` makes the numbers.

Whole studies of them are in `studies`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

BATCH = 32

OURS = "ours"
# Every way in which the PyTorch side takes its steps: the model as it is or under torch.compile, the optimizer a loop
# over parameters (torch's default on a CPU) or one fused call.
SIDES = {
    OURS: "ours",
    "pytorch": "eager",
    "pytorch-fused": "eager, fused optimizer",
    "pytorch-compiled": "torch.compile",
    "pytorch-compiled-fused": "torch.compile, fused optimizer",
}
# In which steps are taken: ours by config.stages.<stage>.precision, PyTorch's by torch.autocast; losses are float32.
PRECISIONS = ("float32", "bfloat16")


class ProductCase(NamedTuple):
    """The product of two square matrices: what the machine can do where nothing else holds it up.

    Attributes:
      name: on the command line.
      title: in the table.
      steps: as in `Case`.
    """

    name: str
    title: str
    steps: int

    @staticmethod
    def size(device: str, precision: str) -> int:
        """Rows and columns, large enough for the device ('cpu' or another) to reach its rate.

        A CPU may have no bfloat16 of its own; PyTorch's product of 2,048 then takes minutes.
        """
        if device == "cpu":
            return 2048 if precision == "float32" else 256
        return 8192


class Case(NamedTuple):
    """One training step.

    Attributes:
      name: on the command line.
      title: in the table.
      config: file in configs/ and its argument; our side reads model, losses and optimizer from it.
      stage: the stage of that config.
      weaker: (modality, features a step).
      stronger: (modality, features a step).
      task: `regression` or `binary`.
      recordings: how many are made.
      frames: steps of the longest one.
      ragged: recordings are of different lengths, as CMU-MOSI's videos are.
      steps: steps of one timed block.
      batch: examples of a step.
    """

    name: str
    title: str
    config: tuple[str, str]
    stage: str
    weaker: tuple[str, int]
    stronger: tuple[str, int]
    task: str
    recordings: int
    frames: int
    ragged: bool
    steps: int
    batch: int = BATCH


GEO, AUDIO = ("video_geometric", 632), ("audio", 88)
_RECOLA = dict(config=("seqsew", "recola,arousal,geo+audio"), weaker=GEO, stronger=AUDIO, task="regression")
_MOSI = dict(config=("seqsew", "mosi,video+text"), weaker=("video", 100), stronger=("text", 100), task="binary")
# A RECOLA recording here is one window of 3 s. CMU-MOSI: 52 videos to train on and 10 to select by.
_WINDOWS = dict(recordings=96, frames=75, ragged=False)
_VIDEOS = dict(recordings=62, frames=63, ragged=True)
VALIDATION = 10

CASES = (
    Case(
        name="sew",
        title="SEW arousal geo(+audio)",
        config=("sew", "arousal,geo+audio"),
        stage="fit",
        weaker=GEO,
        stronger=AUDIO,
        task="regression",
        recordings=16,
        frames=64,
        ragged=False,
        steps=100,
    ),
    Case(
        name="seqsew-recola-1",
        title="SeqSEW stage 1, RECOLA audio",
        stage="teacher_audio",
        steps=8,
        **_RECOLA,
        **_WINDOWS,
    ),
    Case(
        name="seqsew-mosi-1", title="SeqSEW stage 1, CMU-MOSI text", stage="teacher_text", steps=8, **_MOSI, **_VIDEOS
    ),
    Case(
        name="seqsew-recola-2",
        title="SeqSEW stage 2, RECOLA geo(+audio)",
        stage="student",
        steps=2,
        **_RECOLA,
        **_WINDOWS,
    ),
    Case(
        name="seqsew-mosi-2",
        title="SeqSEW stage 2, CMU-MOSI video(+text)",
        stage="student",
        steps=4,
        **_MOSI,
        **_VIDEOS,
    ),
)


class SpeechCase(NamedTuple):
    """One step of ConflictNET on raw speech.

    Attributes:
      name: on the command line.
      title: in the table.
      batch: clips.
      seconds: of a clip.
      train: a training step; else a prediction.
      config: as in `Case`.
      stage: as in `Case`.
      steps: as in `Case`.
    """

    name: str
    title: str
    batch: int
    seconds: float
    train: bool
    config: tuple[str, str] = ("conflictnet", "sspnet_conflict")
    stage: str = "fit"
    steps: int = 1

    @property
    def samples(self) -> int:
        """Length of a clip at SSPNet Conflict's 8 kHz."""
        return round(self.seconds * 8000)


def _speech(batch: int, seconds: float, train: bool = True) -> SpeechCase:
    what = "training" if train else "prediction"
    name = f"conflictnet-{what}-{seconds:g}s-b{batch}"
    return SpeechCase(name, f"ConflictNET {what}, {batch} clips of {seconds:g} s", batch, seconds, train)


# Growing in batch, growing in length, predicting.
SPEECH = (
    *(_speech(batch, 30) for batch in (4, 8, 16, 32)),
    *(_speech(8, seconds) for seconds in (3.75, 7.5, 15)),
    *(_speech(batch, 30, train=False) for batch in (8, 32)),
)


class FusionCase(NamedTuple):
    """One step of attention fusion on utterances of text, video and audio.

    Attributes:
      name: on the command line.
      title: in the table.
      attention: 'intra' or 'cross', which is also the study of the config.
      train: a training step; else a prediction.
      recordings: how many are made, one of them to select by.
      config: as in `Case`.
      stage: as in `Case`.
      steps: as in `Case`.
      batch: as in `Case`.
      sizes: modality -> (steps, features) of every utterance.
      maps: modality -> (steps before, steps behind) of its map over time.
      classes: number of classes.
      dropout: rate on the attention weights.
      rate: Adam's learning rate.
    """

    name: str
    title: str
    attention: str
    train: bool
    recordings: int = BATCH + 1
    config: tuple[str, str] = ("fusion", "trimodal,iemocap")
    stage: str = "fit"
    steps: int = 2
    batch: int = BATCH
    sizes: Mapping[str, tuple[int, int]] = {"text": (128, 300), "video": (32, 2048), "audio": (1000, 120)}
    maps: Mapping[str, tuple[int, int]] = {"video": (32, 25), "audio": (1000, 500)}
    classes: int = 7
    dropout: float = 0.1
    rate: float = 0.001


FUSION = tuple(
    FusionCase(f"fusion-{attention}-{what}", f"Attention fusion, {attention}, {what}", attention, what == "training")
    for what in ("training", "prediction")
    for attention in ("intra", "cross")
)
PRODUCT = ProductCase("matmul", "product of two large square matrices", steps=4)
BY_NAME: dict[str, ProductCase | Case | SpeechCase | FusionCase] = {
    case.name: case for case in (PRODUCT, *CASES, *SPEECH, *FUSION)
}


def sides_of(case: ProductCase | Case | SpeechCase | FusionCase) -> tuple[str, ...]:
    """Which sides are worth timing.

    Nothing is optimized where nothing is trained. ConflictNET has .7 M parameters and takes seconds a step, so a faster
    optimizer cannot show, and `torch.compile` is tried where a block takes less than a minute.
    """
    if isinstance(case, ProductCase):
        return (OURS, "pytorch")
    if isinstance(case, SpeechCase):
        return (OURS, "pytorch", *(("pytorch-compiled",) if case.batch * case.seconds <= 120 else ()))
    if isinstance(case, FusionCase) and not case.train:
        return (OURS, "pytorch", "pytorch-compiled")
    return tuple(SIDES)


def spreads(case: Case | SpeechCase | FusionCase) -> bool:
    """Whether our side lays the batch of one model over all devices, by `config.engine.data`, or has it on one.

    What was faster on 2 cores: SEW's step of 2.5 ms is shorter than devices take to meet as often as its losses ask,
    and the products of the largest SeqSEW gain nothing.
    """
    return case.name not in ("sew", "seqsew-recola-2")


def in_precision(case: ProductCase | Case | SpeechCase | FusionCase, precision: str) -> bool:
    """Whether there is such a step: our predictions are float32 always."""
    return precision == "float32" or getattr(case, "train", True)


def choose(wanted: Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that are wanted, by themselves or by what stands before a dash in them.

    Raises:
      ValueError: something wanted is neither.
    """
    chosen = {want: [name for name in names if name == want or name.startswith(f"{want}-")] for want in wanted}
    unknown = [want for want, found in chosen.items() if not found]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(names)}")
    return [name for name in names if any(name in found for found in chosen.values())]
