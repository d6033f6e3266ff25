"""A plain config -> `Experiment`: every key, type and value is checked, and all that is wrong is told at once."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from affect_jax.config.changes import merge_changes
from affect_jax.config.corpus import check_settings, make_corpus, select_settings
from affect_jax.config.decode import Range, decode, decode_fields, note_unknown
from affect_jax.config.hyper import Hyper, check_paths, flatten_hyper, flatten_paths
from affect_jax.config.problems import Problems
from affect_jax.config.schema import Count, Data, EngineSettings, Experiment, Search, Study, Task, Trials
from affect_jax.config.search import check_search, list_points
from affect_jax.config.stages import DECAY, EPSILON, OPTIMIZERS, Stage, default_hyper, parse_stage
from affect_jax.errors import UserError, join_words, suggest_nearest

_NOT_NEGATIVE = Range(least=0)
_KEYS = ("name", "task", "corpus", "data", "model", "schedule", "stages", "studies", "study", "search", "engine")


@dataclasses.dataclass(frozen=True)
class OptimizerSettings:
    """`config.stages.<stage>.optimizer`; all but name and epsilon are traced, so trials of a study may differ in them.

    Attributes:
      name: a key of OPTIMIZERS.
      learning_rate: before any schedule.
      inverse_time_decay: the rate is divided by 1 + inverse_time_decay * updates.
      momentum: of SGD.
      weight_decay: added to the gradient, times the parameter; of AdamW added to the step (decoupled).
      epsilon: of Adam, added to the root of the second moment; Keras has 1e-7.
      clip: the gradients of all parameters together are scaled to at most this norm; None for any.
      schedule: 'constant', 'cosine' (a linear rise, then half a cosine to 0), 'linear' (a rise, then a line to 0) or
        'one_cycle' (half a cosine from a 25th up, then down to nearly 0), over all updates of the stage; times what
        else changes the rate.
      warmup: share of these updates in which a schedule rises.
      rates: submodule -> factor of its learning rate, such as a tenth for an encoder below a new head; traced.
    """

    name: str
    learning_rate: Annotated[float, _NOT_NEGATIVE]
    inverse_time_decay: Annotated[float, _NOT_NEGATIVE] = 0.0
    momentum: Annotated[float, Range(least=0, most=1)] | None = None
    weight_decay: Annotated[float, _NOT_NEGATIVE] = 0.0
    epsilon: Annotated[float, Range(above=0)] = EPSILON
    clip: Annotated[float, Range(above=0)] | None = None
    schedule: str = "constant"
    warmup: Annotated[float, Range(least=0, most=1)] = 0.0
    rates: dict[str, Annotated[float, _NOT_NEGATIVE]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class AugmentSettings:
    """`config.stages.<stage>.augment`: random changes of training batches, in this order. What is None is not done.

    All but modalities, crop and the numbers of masks are traced, so trials of a study may differ in them. Numbers are
    those that the model reads: standardised where config.data.standardize says so.

    Attributes:
      modalities: those to which speed, crop, shift, reverberation, gain, noise and masks are applied; () for all.
      crop: an example is cut to so many steps, from a random start.
      speed: an example is played faster or slower by up to this share, before it is cropped.
      reverberation: rate at which raw speech is convolved with an impulse response ...
      impulse_responses: ... of this folder of wav files, see `training.impulse_responses`.
      shift: an example is rotated in time by up to this share of its steps, either way.
      gain: an example is multiplied by up to so many decibels, either way.
      noise: white noise is added, with so many decibels from it to the example (SNR).
      time_masks: so many stretches of time are set to 0 ...
      time_width: ... each of up to so many steps (SpecAugment).
      band_masks: so many stretches of features are set to 0 ...
      band_width: ... each of up to so many features.
      mixup: an example becomes its mixture with another one of the batch, with the weight drawn of Beta(mixup, mixup);
        the loss is that of both targets, weighted alike.
      modality_dropout: rate at which each modality of an example is taken away; one of them stays.
    """

    modalities: tuple[str, ...] = ()
    crop: Count | None = None
    speed: Annotated[float, Range(least=0, most=1)] | None = None
    reverberation: Annotated[float, Range(least=0, most=1)] | None = None
    impulse_responses: str | None = None
    shift: Annotated[float, Range(least=0, most=1)] | None = None
    gain: Annotated[float, _NOT_NEGATIVE] | None = None
    noise: float | None = None
    time_masks: Count = 2
    time_width: Annotated[float, _NOT_NEGATIVE] | None = None
    band_masks: Count = 2
    band_width: Annotated[float, _NOT_NEGATIVE] | None = None
    mixup: Annotated[float, _NOT_NEGATIVE] | None = None
    modality_dropout: Annotated[float, Range(least=0, most=1)] | None = None


@dataclasses.dataclass(frozen=True)
class TurnSettings:
    """`config.stages.<stage>.turns.<turn>`: one of the updates that a batch gets, in the order of the stage's cycle.

    Attributes:
      train: submodules that it trains, of those of the stage, or ('*',) for all of these; the others stand still.
      losses: names of those losses of the stage that it learns by.
      optimizer: of its own; None for the stage's settings. Either way its moments are its own.
      modalities: that the model sees, as if the others were missing; () for all.
    """

    train: tuple[str, ...]
    losses: tuple[str, ...]
    optimizer: OptimizerSettings | None = None
    modalities: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class PlateauSettings:
    """`config.stages.<stage>.plateau`: a lower learning rate where a score no longer rises.

    Attributes:
      factor: of the learning rate.
      patience: epochs without a better score; None never lowers it.
      metric: which score; None for the monitored one.
    """

    factor: Annotated[float, Range(above=0, most=1)] = 0.1
    patience: Count | None = None
    metric: str | None = None


@dataclasses.dataclass(frozen=True)
class MonitorSettings:
    """`config.stages.<stage>.monitor`: `metric` of the output `prediction` on validation stops and selects."""

    metric: str
    prediction: str = "prediction"


@dataclasses.dataclass(frozen=True)
class StageSettings:
    """`config.stages.<stage>`.

    Attributes:
      train: submodules that are trained, or ('*',) for all.
      losses: name -> kind, what it compares, weight, options.
      optimizer: and its learning rate.
      batch: examples of an update, at most.
      pieces: into how many parts a batch is cut, whose gradients are added up before the update, so that less of it is
        in memory at a time.
      epochs: maximum number.
      monitor: what stops and selects.
      patience: epochs without a better score before it stops; None, or 0 as a flag can say it, never stops early.
      plateau: schedule of the learning rate.
      dropout: rate.
      keep: which weights go on: the 'best' by validation, the 'last', or an average over updates, which validation then
        scores: 'ema', exponential, or 'swa', the mean from a first epoch on. Running statistics are averaged alike.
      average_decay: of 'ema'; traced.
      average_start: epochs before 'swa' begins.
      moddrop: combinations of modalities, such as 'text+audio', in which every example is trained; () for whole ones.
      precision: of the model while training, 'float32' or 'bfloat16'.
      choices: of those that the model leaves open (its `choices`), name -> a whole number; made before the stage, kept
        by the stages behind it.
      augment: random changes of training batches.
      turns: name -> an update of some submodules by some losses; {} for one update a batch, of all by all losses.
      cycle: turns in the order in which each batch gets them; one that is named twice makes two updates.
    """

    train: tuple[str, ...]
    losses: dict[str, dict[str, Any] | None]
    optimizer: OptimizerSettings
    batch: Count
    epochs: Count
    monitor: MonitorSettings
    patience: Annotated[int, _NOT_NEGATIVE] | None = None
    plateau: PlateauSettings = PlateauSettings()
    dropout: Annotated[float, Range(least=0, most=0.99)] = 0.0
    keep: str = "best"
    moddrop: tuple[str, ...] = ()
    precision: str = "float32"
    choices: dict[str, Any] = dataclasses.field(default_factory=dict)
    average_decay: Annotated[float, Range(least=0, most=1)] = DECAY
    average_start: Annotated[int, _NOT_NEGATIVE] = 0
    augment: AugmentSettings = AugmentSettings()
    turns: dict[str, TurnSettings] = dataclasses.field(default_factory=dict)
    cycle: tuple[str, ...] = ()
    pieces: Count = 1


@dataclasses.dataclass(frozen=True)
class StudySettings:
    """`config.studies.<study>`: its variants, and what it has otherwise than the config.

    Attributes:
      variants: name -> nested hyper-parameters that the variant fixes.
      model: changes to config.model; another `name` replaces the model.
      stages: changes to config.stages; None takes a loss or a stage away.
      schedule: the stages of this study, in order; None for config.schedule.
    """

    variants: dict[str, dict[str, Any]]
    model: dict[str, Any] = dataclasses.field(default_factory=dict)
    stages: dict[str, Any] = dataclasses.field(default_factory=dict)
    schedule: tuple[str, ...] | None = None


def parse_experiment(document: Mapping[str, Any], remarks: Iterable[str] = ()) -> Experiment:
    """Reads a plain config that is resolved: without a section `synthetic`, and made to fit the user's corpus.

    Raises:
      UserError: all that is wrong with it, a line for each problem.
    """
    problems = Problems()
    note_unknown(document, _KEYS, "config", problems)
    for key in _KEYS:
        if key not in document:
            problems.add(f"the config lacks {key!r}")
    problems.raise_any()
    task = decode(Task, document["task"], "config.task", problems)
    data = decode_fields(Data, document["data"], "config.data", problems)
    trials = decode_fields(Trials, document["study"], "config.study", problems)
    search = decode_fields(Search, document["search"], "config.search", problems)
    engine = decode_fields(EngineSettings, document["engine"], "config.engine", problems)
    name = decode(str, document["name"], "config.name", problems)
    for stage, settings in document["stages"].items():
        decode_fields(StageSettings, settings, f"config.stages.{stage}", problems)
    studies = _parse_studies(document, task, search, problems) if task and search else []
    if data:
        _check_data(data, problems)
    if trials:
        _check_names(trials.only or (), document["studies"], "config.study.only names", problems)
    settings = {}
    if data:
        settings = select_settings(document["corpus"], data.modalities, data.target)
        _note(problems, check_settings, settings)
    problems.raise_any()
    chosen = tuple(study for study in studies if not trials.only or study.name in trials.only)
    return Experiment(
        name=name,
        task=task,
        corpus=make_corpus(settings),
        data=data,
        studies=chosen,
        trials=trials,
        search=search,
        engine=engine,
        document=document,
        remarks=tuple(remarks),
    )


def list_seeds(seeds: int | tuple[int, ...]) -> tuple[int, ...]:
    """10 -> 0, ..., 9; a tuple stays."""
    return tuple(range(seeds)) if isinstance(seeds, int) else seeds


def _check_data(data: Data, problems: Problems) -> None:
    if isinstance(data.standardize, tuple):
        _check_names(data.standardize, data.modalities, "config.data.standardize names", problems)
    _check_names(data.steps or (), data.modalities, "config.data.steps names", problems)
    if data.average and data.unit == "item":
        _check_names(data.average, data.modalities, "config.data.average names", problems)
    elif data.average:
        problems.add(
            f"config.data.average is {data.average}, but config.data.unit is {data.unit!r}, whose steps have labels; "
            "leave it out, or choose items"
        )
    if not data.modalities:
        problems.add("config.data.modalities is empty; name at least one")
    if data.unit == "window" and not (data.window and data.hop):
        problems.add("config.data.unit is 'window'; set config.data.window and config.data.hop, in frames")
    if data.unit == "recording" and data.window and not (data.hop and data.hop <= data.window):
        problems.add(
            f"config.data.window is {data.window} and config.data.hop is {data.hop}; set a hop of 1 to {data.window}"
        )
    for key in ("window_seconds", "hop_seconds"):
        if getattr(data, key) is not None:
            problems.add(f"config.data.{key} is of one's own corpus alone; set config.data.{key[:-8]} in frames")


def _check_names(names: Iterable[str], known: Iterable[str], what: str, problems: Problems) -> None:
    known = sorted(known)
    for name in names:
        if name not in known:
            problems.add(f"{what} {name!r}{suggest_nearest(name, known)}; there are {join_words(known)}")


def _parse_studies(document: Mapping[str, Any], task: str, search: Search, problems: Problems) -> list[Study]:
    axes = check_search(search, problems)
    check_folder_names(document["studies"], "config.studies", problems)
    studies = []
    for name in sorted(document["studies"], key=lambda name: (_count_changes(document["studies"][name]), name)):
        path = f"config.studies.{name}"
        settings = decode_fields(StudySettings, document["studies"][name], path, problems)
        if settings is not None:
            study = _parse_study(name, settings, document, (task, search, axes), problems)
            studies += [study] if study else []
    traced = {path for study in studies for path in flatten_hyper(study.hyper)}
    if studies and not problems:
        _note(problems, check_paths, axes, traced, f"config.search.{'ranges' if search.ranges else 'grid'}")
    return studies


def _add_rate(stage: Stage, rate: int) -> Stage:
    """The stage with the rate of the corpus' waveforms, where it reads impulse responses at it."""
    return stage._replace(augment=stage.augment._replace(rate=rate)) if stage.augment.impulse_responses else stage


def _count_changes(study: Any) -> int:
    """How much a study changes of the config: the one that changes least is what the others are compared with."""
    if not isinstance(study, Mapping):
        return 0
    return sum(len(flatten_paths(study.get(key) or {})) for key in ("model", "stages"))


def _parse_study(
    name: str,
    settings: StudySettings,
    document: Mapping[str, Any],
    shared: tuple[str, Search, Mapping[str, tuple[float, ...]]],
    problems: Problems,
) -> Study | None:
    """One study, with the task, search and axes that all share; None where something is wrong with it."""
    task, search, axes = shared
    before = len(problems)
    own = merge_changes(
        {key: document[key] for key in ("model", "stages")}, {"model": settings.model, "stages": settings.stages}
    )
    schedule = settings.schedule if settings.schedule is not None else tuple(document["schedule"])
    check_folder_names(own["stages"], "config.stages", problems)
    for stage in schedule:
        if stage not in own["stages"]:
            problems.add(
                f"the schedule of study {name!r} names stage {stage!r}{suggest_nearest(stage, own['stages'])}; "
                f"config.stages has {join_words(sorted(own['stages']))}"
            )
    stages: list[Stage] = []
    hyper: dict[str, Hyper] = {}
    for stage in (stage for stage in schedule if stage in own["stages"]):
        parsed = _parse_stage(stage, own["stages"][stage], task, problems)
        if parsed:
            stages.append(_add_rate(parsed[0], document["corpus"].get("rate") or 0))
            hyper[stage] = parsed[1]
    if len(problems) > before:
        return None
    traced = flatten_hyper(hyper)
    variants = {variant: flatten_paths(values) for variant, values in settings.variants.items()}
    # A ConfigDict forgets the order of its keys; the plain variant comes first, as the others are compared with it.
    variants = dict(sorted(variants.items(), key=lambda item: (len(item[1]), item[0])))
    for variant, values in variants.items():
        _note(problems, check_paths, values, traced, f"variant {variant!r} of study {name!r}")
        for path, value in values.items():
            if not _is_number(value):
                problems.add(f"variant {variant!r} of study {name!r} has {path} = {value!r}; set a number")
    if not variants:
        problems.add(f"config.studies.{name}.variants is empty; give at least one, such as {{{name!r}: {{}}}}")
    points = list_points(search, {path: values for path, values in axes.items() if path in traced})
    return Study(name, own["model"], tuple(stages), hyper, variants, points)


def _parse_stage(name: str, settings: Mapping[str, Any], task: str, problems: Problems) -> tuple[Stage, Hyper] | None:
    path = f"config.stages.{name}"
    checked = decode_fields(StageSettings, settings, path, problems)
    if checked is None:
        return None
    plain = dataclasses.asdict(checked)
    plain["losses"] = {loss: options for loss, options in plain["losses"].items() if options is not None}
    plain["patience"] = checked.patience or 0  # the engine's word for never
    plain["plateau"] = {"factor": checked.plateau.factor, "patience": checked.plateau.patience or 0}
    plain["plateau"]["metric"] = checked.plateau.metric
    for loss, options in plain["losses"].items():
        if not _is_number(options.get("weight", 1.0)):
            problems.add(f"{path}.losses.{loss}.weight is {options['weight']!r}; set a number")
            return None
    for where, of_where in {"": plain, **{f".turns.{turn}": plain["turns"][turn] for turn in plain["turns"]}}.items():
        if of_where["optimizer"] and not _settle_momentum(of_where["optimizer"], f"{path}{where}.optimizer", problems):
            return None
    try:
        return parse_stage(name, plain, task), default_hyper(plain)
    except UserError as error:
        problems.add(str(error))
        return None


def _settle_momentum(optimizer: dict[str, Any], path: str, problems: Problems) -> bool:
    """Gives an optimizer with momentum one of 0 where it is left open; False, and a problem, where it can have none."""
    momentum = "momentum" in OPTIMIZERS.get(optimizer["name"], ())
    if momentum and optimizer["momentum"] is None:
        optimizer["momentum"] = 0.0
    if momentum or optimizer["momentum"] is None or optimizer["name"] not in OPTIMIZERS:
        return True
    problems.add(f"{path} has a momentum, which {optimizer['name']!r} does not have; leave it out")
    return False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _note(problems: Problems, check: Any, *arguments: Any) -> None:
    """Notes what `check` raises."""
    try:
        check(*arguments)
    except UserError as error:
        problems.add(str(error))


def check_folder_names(names: Iterable[str], where: str, problems: Problems) -> None:
    """Notes names that cannot be those of folders: studies and stages become folders of the run, some of which are
    removed again, so none may lie outside of it and no two may be one."""
    taken: dict[str, str] = {}
    for name in names:
        folder = name.replace("/", "_")
        if folder in ("", ".", "..") or not folder.isprintable() or len(folder.encode()) > 200:
            problems.add(f"{where} has the name {name[:60]!r}, which cannot be a folder's; use letters and digits")
        elif where == "config.stages" and "/" in name:
            problems.add(f"{where} has the name {name!r}, which cannot be a folder's; leave out the '/'")
        elif folder in taken:
            problems.add(f"{where} has {taken[folder]!r} and {name!r}, whose folders are one; rename one of them")
        taken[folder] = name
