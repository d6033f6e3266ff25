"""A stage: what is trained, with which losses, how fast, and when it stops. Read from `config.stages.<name>`."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from affect_jax.config.hyper import OPTIMIZERS, Hyper, Rates
from affect_jax.config.losses import ELEMENTWISE, Term, is_own, parse_losses
from affect_jax.config.turns import Turn, TurnOptimizer, parse_turns
from affect_jax.errors import UserError, join_words, suggest_nearest

METRICS = {
    "regression": ("ccc", "pcc", "rmse"),
    "signed_regression": ("ccc", "pcc", "rmse", "accuracy", "uar"),
    "sentiment_regression": (
        *("ccc", "pcc", "rmse", "mae", "accuracy_has0", "f1_has0", "accuracy_non0", "f1_non0"),
        *("accuracy_7", "accuracy_5", "accuracy_3"),
    ),
    "binary": ("accuracy", "uar", "weighted_f1", "macro_f1", "log_loss"),
    "multiclass": ("accuracy", "uar", "weighted_f1", "macro_f1", "log_loss"),
}
"""Task -> the scores that its validation split has."""
LOWER_IS_BETTER = ("rmse", "mae", "log_loss")
KEPT_WEIGHTS = ("best", "last", "ema", "swa")
AVERAGES = ("ema", "swa")
"""Kept weights that are averages over updates; validation then scores the average."""
SCHEDULES = ("constant", "cosine", "linear", "one_cycle")
PRECISIONS = ("float32", "bfloat16")
EPSILON = 1e-8
"""Adam's, of Kingma and Ba (2015) and of PyTorch; Keras has 1e-7."""


DECAY = 0.99
"""Of an average over updates: about the last hundred of them."""
STRENGTHS = (
    *("shift", "gain", "noise", "time_width", "band_width", "mixup", "modality_dropout"),
    *("speed", "reverberation"),
)
"""Changes of training batches that have a traced strength; None, without one, leaves them out of the program."""


class Augment(NamedTuple):
    """The static part of `config.stages.<stage>.augment`; its strengths are traced, see `Hyper.augment`.

    Attributes:
      modalities: whose steps and features are cropped, shifted, masked or made noisy; () for all.
      crop: steps of a random cut of each example; 0 for whole examples.
      time_masks: stretches of time that are masked, where there is a `time_width`.
      band_masks: stretches of features that are masked, where there is a `band_width`.
      changes: those of STRENGTHS that the stage makes.
      impulse_responses: folder of wav files, where there is `reverberation`.
      rate: of the corpus' waveforms, in Hz; 0 where it has none.
    """

    modalities: tuple[str, ...] = ()
    crop: int = 0
    time_masks: int = 2
    band_masks: int = 2
    changes: tuple[str, ...] = ()
    impulse_responses: str = ""
    rate: int = 0


class Stage(NamedTuple):
    """The static part of a stage: changing it means another compiled program. Its traced numbers are a `Hyper`.

    Attributes:
      name: key in config.stages.
      train: submodules that are trained, or `*` for all; the others are frozen and run deterministically.
      terms: the losses.
      optimizer: a key of OPTIMIZERS.
      epsilon: of Adam, added to the root of the second moment.
      batch: examples of an update, at most; no batch of an epoch has just a few.
      epochs: at most this many.
      patience: stop after this many epochs without a better score; 0 never stops early.
      plateau_factor: the learning rate is multiplied by this ...
      plateau_patience: ... after this many epochs without a better score; 0 never.
      plateau_metric: ... of this entry of METRICS[task], or of one's own.
      metric: the validation score, an entry of METRICS[task], or one's own as `module:function`.
      prediction: the output that is scored.
      keep: one of KEPT_WEIGHTS; the next stage and the results use those weights.
      average_start: epochs before the average over updates, `swa`, begins.
      schedule: of the learning rate, one of SCHEDULES.
      warmup: share of all updates in which the scheduled rate rises.
      moddrop: combinations of modalities in which every training example appears; () for whole examples.
      precision: of the model while training, one of PRECISIONS; predictions are always float32.
      augment: random changes of training batches.
      turns: updates that alternate, see `config.turns`; () for one update a batch, of all by all losses.
      cycle: names of turns: the updates that each batch gets, in order.
      pieces: parts of a batch whose gradients are added up before an update.
      rated: submodules that have a factor of the learning rate.
    """

    name: str
    train: tuple[str, ...]
    terms: tuple[Term, ...]
    optimizer: str
    epsilon: float
    batch: int
    epochs: int
    patience: int
    plateau_factor: float
    plateau_patience: int
    plateau_metric: str
    metric: str
    prediction: str
    keep: str
    moddrop: tuple[tuple[str, ...], ...]
    precision: str
    average_start: int = 0
    schedule: str = SCHEDULES[0]
    warmup: float = 0.0
    augment: Augment = Augment()
    turns: tuple[Turn, ...] = ()
    cycle: tuple[str, ...] = ()
    pieces: int = 1
    rated: tuple[str, ...] = ()

    @property
    def sign(self) -> float:
        """+1 where a larger score is better, -1 where a smaller one is."""
        return metric_sign(self.metric)

    @property
    def follows_schedule(self) -> bool:
        """Whether some learning rate depends on the number of all updates."""
        schedules = (self.schedule, *(turn.optimizer.schedule for turn in self.turns if turn.optimizer))
        return any(schedule != SCHEDULES[0] for schedule in schedules)


def leaves_scale_free(stage: Stage) -> bool:
    """Whether 1 - PCC alone compares what the stage predicts with the labels: no scale or offset changes it."""
    return {term.kind for term in stage.terms if {term.left, term.right} == {stage.prediction, "target"}} == {"pcc"}


def list_own_metrics(stages: Iterable[Stage]) -> tuple[str, ...]:
    """The metrics `module:function` by which stages stop or slow down, each once."""
    names = (name for stage in stages for name in (stage.metric, stage.plateau_metric) if is_own(name))
    return tuple(dict.fromkeys(names))


def metric_sign(metric: str) -> float:
    """+1 where a larger value of the metric is better, -1 where a smaller one is."""
    return -1.0 if metric in LOWER_IS_BETTER else 1.0


def parse_stage(name: str, config: Mapping[str, Any], task: str) -> Stage:
    """Reads `config.stages.<name>`.

    Raises:
      UserError: an unknown optimizer, metric, loss or precision, turns that do not fit, or a number out of range.
    """
    metric = config["monitor"]["metric"]
    plateau_metric = config["plateau"].get("metric") or metric
    precision = config.get("precision", PRECISIONS[0])
    optimizer = _parse_optimizer(name, config["optimizer"])
    for value in (metric, plateau_metric):
        if value not in METRICS[task] and not is_own(value):
            raise UserError(
                f"stage {name!r} monitors {value!r}{suggest_nearest(value, METRICS[task])}; "
                f"a {task} task has {join_words(METRICS[task])}, or name a function of your own as module:function "
                "(CONTRIBUTING.md)"
            )
    _check_choice(name, "keep", config["keep"], KEPT_WEIGHTS)
    for key in ("batch", "epochs"):
        if config[key] < 1:
            raise UserError(f"stage {name!r} has {key}={config[key]}; it must be at least 1")
    _check_choice(name, "precision", precision, PRECISIONS)
    if not config["train"]:
        raise UserError(f"stage {name!r} trains nothing; name submodules in config.stages.{name}.train")
    terms, own = parse_losses(config["losses"], task), _list_optimizers(config)
    optimizers = {turn: _parse_optimizer(f"{name}.turns.{turn}", settings) for turn, settings in own.items()}
    turns, cycle = parse_turns(name, config, terms, optimizers)
    return Stage(
        name=name,
        train=tuple(config["train"]),
        terms=terms,
        **optimizer._asdict(),
        batch=int(config["batch"]),
        epochs=int(config["epochs"]),
        patience=int(config["patience"]),
        plateau_factor=float(config["plateau"]["factor"]),
        plateau_patience=int(config["plateau"]["patience"]),
        plateau_metric=plateau_metric,
        metric=metric,
        prediction=config["monitor"]["prediction"],
        keep=config["keep"],
        moddrop=tuple(tuple(names.split("+")) for names in config.get("moddrop", ())),
        precision=precision,
        average_start=int(config.get("average_start") or 0),
        augment=_parse_augment(name, config.get("augment") or {}),
        turns=turns,
        cycle=cycle,
        pieces=_parse_pieces(name, config),
        rated=tuple(sorted(config["optimizer"].get("rates") or {})),
    )


def _list_optimizers(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Turn -> the settings of its optimizer, where it has one of its own."""
    turns = (config.get("turns") or {}).items()
    return {name: turn["optimizer"] for name, turn in turns if turn.get("optimizer")}


def _parse_optimizer(stage: str, config: Mapping[str, Any]) -> TurnOptimizer:
    _check_choice(stage, "optimizer", config["name"], sorted(OPTIMIZERS))
    if config.get("rates") and ".turns." in stage:
        raise UserError(
            f"stage {stage!r} has rates of submodules, which the stage has for all its turns; set them there"
        )
    schedule = config.get("schedule", SCHEDULES[0])
    _check_choice(stage, "schedule", schedule, SCHEDULES)
    epsilon, warmup = float(config.get("epsilon", EPSILON)), float(config.get("warmup", 0.0))
    return TurnOptimizer(config["name"], epsilon, schedule, warmup)


def _parse_pieces(name: str, config: Mapping[str, Any]) -> int:
    """How many pieces a batch has, whose losses must then be means over its steps."""
    pieces = int(config.get("pieces", 1))
    kinds = {loss: entry["kind"] for loss, entry in config["losses"].items()}
    whole = [loss for loss, kind in kinds.items() if kind not in ELEMENTWISE and not is_own(kind)]
    if pieces > 1 and whole:
        raise UserError(
            f"stage {name!r} cuts a batch into {pieces} pieces, but its {join_words(whole)} is one number of a whole "
            f"batch; set config.stages.{name}.pieces=1, or another loss"
        )
    return pieces


def _parse_augment(stage: str, config: Mapping[str, Any]) -> Augment:
    given = {field: config[field] for field in Augment._fields if config.get(field) is not None}
    changes = tuple(name for name in STRENGTHS if config.get(name) is not None)
    if ("reverberation" in changes) != bool(given.get("impulse_responses")):
        raise UserError(
            f"config.stages.{stage}.augment has {'no ' if 'reverberation' in changes else ''}impulse_responses and "
            f"{'a' if 'reverberation' in changes else 'no'} rate of reverberation; give both, or neither"
        )
    return Augment(**given, changes=changes)


def _check_choice(stage: str, key: str, value: Any, choices: Collection[str]) -> None:
    """Raises UserError where `value` is none of `choices`."""
    if value not in choices:
        raise UserError(
            f"stage {stage!r} has {key} {value!r}{suggest_nearest(str(value), choices)}; choose one of "
            f"{join_words(choices)}"
        )


def default_hyper(config: Mapping[str, Any]) -> Hyper:
    """The traced numbers of `config.stages.<name>`, as the config gives them."""
    decay = config.get("average_decay", DECAY) if config["keep"] == "ema" else None
    augment = config.get("augment") or {}
    return Hyper(
        dropout=float(config["dropout"]),
        **_read_rates(config["optimizer"])._asdict(),
        loss_weights={loss: float(entry["weight"]) for loss, entry in config["losses"].items()},
        choices={choice: float(number) for choice, number in config.get("choices", {}).items()},
        average_decay=None if decay is None else float(decay),
        augment={name: float(augment[name]) for name in STRENGTHS if augment.get(name) is not None},
        turns={turn: _read_rates(optimizer) for turn, optimizer in _list_optimizers(config).items()},
        rates={name: float(factor) for name, factor in (config["optimizer"].get("rates") or {}).items()},
    )


def _read_rates(optimizer: Mapping[str, Any]) -> Rates:
    """The traced numbers of an optimizer's settings."""
    read, clip = OPTIMIZERS[optimizer["name"]], optimizer.get("clip")
    numbers = {field: float(optimizer[field]) if field in read else None for field in OPTIMIZERS["sgd"]}
    return Rates(**numbers, clip=None if clip is None else float(clip))
