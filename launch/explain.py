"""Explains what a trained model heard in clips: SLIME, beside integrated gradients and occlusion.

    python -m launch.explain --run=runs/conflictnet [--id=CLIP,... | --file=X.wav,...] [--cell=ConflictNET | --row=3]

Without --id and --file: one clip of each of the four cases of section 3.4.1, the one with the largest |prediction|.
Writes RUN/explanations/<id>.json and .png and explanations.csv. A clip takes some 1,000 passes through the model,
whatever --seeds and --perturbations: of 10 super-samples there are only 1,024 perturbations. Without --row, the best
row on validation of the cell explains.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections
import numpy as np
from absl import flags
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from affect_jax.errors import UserError
from affect_jax.suggest import nearest
from launch import cli

FLAGS = flags.FLAGS
TASKS = ("regression", "signed_regression", "multiclass")
QUIET_SECONDS = 10.0


class Settings(NamedTuple):
    """How to explain; the flags of the same names."""

    segments: int = 10
    perturbations: int = 2000
    seeds: int = 5
    kernel: str = "thesis"
    clip: bool = True
    steps: int = 32
    batch: int = 8


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    default = Settings()
    flags.DEFINE_string("run", None, "A finished run folder.", required=True, flag_values=values)
    flags.DEFINE_list("id", [], "Clips of the run's corpus.", flag_values=values)
    flags.DEFINE_list("file", [], "Sound files instead: wav, flac, mp3 or ogg of any rate.", flag_values=values)
    flags.DEFINE_string("cell", "", "Cell whose best row explains. Default: the run's first.", flag_values=values)
    flags.DEFINE_integer("row", -1, "Row of results.json, instead of a cell's best.", flag_values=values)
    for name, low, text in (
        ("segments", 2, "Super-samples, equal parts of a clip."),
        ("perturbations", 2, "Perturbed clips a draw, the clip itself first."),
        ("seeds", 1, "Draws of perturbations, for the stability of the ranks."),
        ("steps", 1, "Points of the integral of integrated gradients."),
        ("batch", 1, "Clips at a time, over all devices; a quarter of it for gradients."),
    ):
        flags.DEFINE_integer(name, getattr(default, name), text, lower_bound=low, flag_values=values)
    kernels, text = ["thesis", "slime"], "Eq. 3.5, or its square root as in SLIME's code."
    flags.DEFINE_enum("kernel", default.kernel, kernels, text, flag_values=values)
    flags.DEFINE_bool("clip", default.clip, "Hold answers to [-1, 1], as eq. 3.7 needs.", flag_values=values)
    flags.DEFINE_string("label", "", "Class to explain. Default: the predicted one.", flag_values=values)
    flags.DEFINE_bool("svg", False, "Write the figures as svg, too.", flag_values=values)
    flags.DEFINE_string("out", "", "Folder to write. Default: RUN/explanations.", flag_values=values)


def main(argv: Sequence[str]) -> None:
    """Explains the clips that the flags choose."""
    if argv[1:]:
        raise UserError(f"{argv[1]!r} is no flag; name clips with --id=A,B or files with --file=X.wav,Y.wav")
    if FLAGS.id and FLAGS.file:
        raise UserError("give either --id or --file, not both")
    settings = Settings(**{name: FLAGS[name].value for name in Settings._fields})
    run = Path(FLAGS.run)
    out = Path(FLAGS.out or run / "explanations")
    chosen = {name: FLAGS[name].value for name in ("cell", "row", "label", "svg")}
    explain(run, settings, out=out, ids=FLAGS.id, files=FLAGS.file, **chosen)


def explain(
    run: Path,
    settings: Settings,
    *,
    out: Path,
    ids: Sequence[str] = (),
    files: Sequence[str] = (),
    cell: str = "",
    row: int = -1,
    label: str = "",
    svg: bool = False,
) -> list[Path]:
    """Explains clips of a run, or files, and writes and prints what was found; see the flags.

    Returns:
      The JSON files.

    Raises:
      UserError: an unfinished run, a model that does not hear waveforms, or clips or files that are not there.
    """
    from affect_jax import deploy, parts, runs
    from affect_jax.reports import explanations

    if (run / "config.json").exists() and not (run / "results.json").exists():
        raise UserError(f"{run} is not finished; go on with launch.main and the same --workdir")
    results = runs.read_json(run / "results.json")
    config = ml_collections.ConfigDict(runs.read_json(run / "config.json")["config"])
    number = deploy.choose_row(results, cell, row)
    if results["task"] not in TASKS or not config.corpus.get("rate"):
        raise UserError(f"{run} has no model of raw speech (task {results['task']!r}); name a run of one")
    deployed, rate = deploy.load(run, number), int(config.corpus.rate)
    if deployed.modality != "speech":
        raise UserError(f"row {number} of {run} hears {deployed.modality!r}, not raw speech; name one that does")
    labels = results["corpus"].get("labels", [])
    chosen = _class(label, labels) if label else None
    if chosen is not None and results["task"] != "multiclass":
        raise UserError(f"--label={label} names a class but {run} is a regression; leave it out")
    notes = _Notes()
    if files:
        clips = from_files(files, rate, deployed.steps)
    else:
        clips = from_run(run, results, config, number, ids, deployed.steps, notes.say)
    written = []
    with notes:
        explainer = _explainer(deployed, settings, notes.advance)
        known = {} if files or settings.segments != 10 else parts.planted_tenths(config)
        for clip in clips:
            notes.begin(clip.id)
            entry = explainer(clip, rate, chosen, labels)
            if clip.id in known:
                entry = explanations.beside_planted(entry, known[clip.id])
            extra = {"row": number, "cell": results["rows"][number]["cell"], "settings": settings._asdict()}
            written.append(explanations.write(out, clip, rate, {**entry, **extra}, svg=svg))
            notes.end()
            print(_summary(entry, written[-1]), flush=True)
    print(explanations.write_table(out))
    return written


def from_files(files: Sequence[str], rate: int, steps: int) -> list[Any]:
    """The clips of sound files; of a longer one the first `steps` samples at `rate`.

    Raises:
      UserError: a file that cannot be used, or two of one name.
    """
    from affect_jax.features import audio
    from affect_jax.reports.explanations import Clip

    clips: dict[str, Clip] = {}
    for file in files:
        name, samples = Path(file).stem, audio.read(file, rate=rate)
        if name in clips:
            raise UserError(f"two of the files are named {name!r}; explain them one by one, each with its own --out")
        cut = f"only the first {steps / rate:.1f} of its {len(samples) / rate:.1f} s are explained"
        x = audio.normalize(samples[:steps], file)
        clips[name] = Clip(name, _padded(x, steps), len(x), notes=(cut,) if len(samples) > steps else ())
    return list(clips.values())


def from_run(
    run: Path,
    results: dict[str, Any],
    config: ml_collections.ConfigDict,
    number: int,
    ids: Sequence[str],
    steps: int,
    say: Callable[[str], None],
) -> list[Any]:
    """The named clips of the run's corpus, or without names one of each case.

    Raises:
      UserError: an unknown clip; no names and a run of classes, which has no such cases.
    """
    from affect_jax import parts
    from affect_jax.analysis.cases import NAMES, cases, examples
    from affect_jax.features import audio
    from affect_jax.reports import listening
    from affect_jax.reports.explanations import Clip

    regression = results["task"] != "multiclass"
    splits = [split for split in ("test", "validation") if results["rows"][number].get(split) is not None]
    said = [listening.read(run, results, number, split) for split in splits]
    if not ids:
        if not regression:
            raise UserError("the four cases of section 3.4.1 are of regressions; name the clips with --id")
        if not said:
            raise UserError(f"row {number} of {run} has no scored part to choose from; name the clips with --id")
        of_case = examples(said[0].targets, said[0].predictions)
        for missing in NAMES.keys() - of_case.keys():
            say(f"case {missing} ({NAMES[missing]}): the {splits[0]} part has no such clip")
        ids = [said[0].ids[i] for i in of_case.values()]
    recordings = parts.load(config)
    if recordings.fingerprint != results["corpus"]["fingerprint"]:
        say("note: the corpus is not the one that the run was trained on (its fingerprint differs)")
    there = {r.id: r for members in recordings.splits.values() for r in members}
    clips = []
    for name in dict.fromkeys(ids):
        if name not in there:
            raise UserError(f"--id: the corpus has no clip {name!r}{nearest(name, there)}; it has {len(there)} others")
        recording = there[name]
        x = audio.normalize(recording.features["speech"], name)[:steps]
        where = [(part, part.ids.index(name)) for part in said if name in part.ids]
        clip = Clip(name, _padded(x, steps), len(x))
        if config.data.target in recording.targets:
            clip = clip._replace(target=float(recording.targets[config.data.target][0]))
        if not where:
            clip = clip._replace(notes=("the row may have been trained on this clip",))
        elif regression:
            part, i = where[0]
            case = int(cases(part.targets[i], part.predictions[i]))
            clip = clip._replace(prediction=float(part.predictions[i]), case=case)
        clips.append(clip)
    return clips


def _padded(x: np.ndarray, steps: int) -> np.ndarray:
    return np.pad(x, (0, steps - len(x)))


def _class(label: str, labels: Sequence[str]) -> int:
    names = [*labels, *(str(i) for i in range(len(labels)))]
    if label not in names:
        raise UserError(f"--label={label}{nearest(label, labels)} is no class of the run; choose {', '.join(labels)}")
    return names.index(label) % len(labels)


def _explainer(deployed: Any, settings: Settings, progress: Callable[[int, int], None]) -> Callable[..., dict]:
    """One clip -> its entry. The model is compiled once for all clips."""
    import jax
    import jax.numpy as jnp

    from affect_jax import deploy
    from affect_jax.analysis import attribution, lime
    from affect_jax.reports import explanations

    def predict(waves: jax.Array) -> jax.Array:
        # Silence is a part of what the model hears, so nothing is masked: a clip of a batch is valid throughout.
        return deploy.predict(deployed, waves[..., None], jnp.ones(waves.shape, bool))

    evaluate = lime.evaluator(predict, batch=settings.batch, progress=progress)
    integrate = attribution.integrated_gradients(
        predict, steps=settings.steps, batch=max(settings.batch // 4, 1), progress=progress
    )
    keys = [jax.random.key(seed) for seed in range(settings.seeds)]

    def explain_clip(clip: Any, rate: int, chosen: int | None, labels: Sequence[str]) -> dict[str, Any]:
        if clip.length < settings.segments:
            raise UserError(f"{clip.id} has {clip.length} samples, too few for {settings.segments} super-samples")
        bounds = lime.bounds(clip.length, settings.segments)
        answer = evaluate(clip.x, bounds, np.ones((1, settings.segments), bool))[0]
        if answer.ndim:
            chosen = int(np.argmax(answer)) if chosen is None else chosen
            answer = lime.probability(answer[None, :], chosen)[0][0]
        found = lime.explain(
            evaluate,
            clip.x,
            bounds,
            keys,
            perturbations=settings.perturbations,
            kernel=settings.kernel,
            chosen=chosen,
            clip=settings.clip,
        )
        silenced = attribution.occlusion(evaluate, clip.x, bounds, chosen)
        integrated = integrate(clip.x, chosen)
        entry = explanations.describe(clip, rate, float(answer), bounds, found, integrated, silenced)
        if chosen is None:
            return entry
        names = dict(enumerate(labels))
        target = None if clip.target is None else names.get(int(clip.target), str(int(clip.target)))
        return {**entry, "class": names.get(chosen, str(chosen)), "target": target}

    return explain_clip


def _summary(entry: dict[str, Any], path: Path) -> str:
    from affect_jax.reports.explanations import headline

    title, quality = headline(entry).splitlines()
    case = f" (case {entry['case']})" if entry["case"] else ""
    order = " ".join(f"{k}{'-' if entry['lime'][k] < 0 else ''}" for k in entry["order"])
    lines = [f"{title}{case}", f"  {quality}; super-samples by relevance: {order} -> {path}"]
    if "planted" in entry:
        where = " ".join(f"{k} ({share:.2f})" for k, share in enumerate(entry["planted"]) if share > 0)
        rank = "undefined" if entry["planted_spearman"] is None else f"{entry['planted_spearman']:.2f}"
        lines.append(f"  planted in {where or 'none'}; rank correlation with LIME's weights {rank}")
    return "\n".join(lines + [f"  note: {note}" for note in entry["notes"]])


class _Notes:
    """What a person sees of the work on stderr: a bar on a terminal, a line every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, TextColumn("left"), TimeRemainingColumn(), console=self._console)
        self._task, self._name, self._printed = None, "", 0.0

    def __enter__(self) -> "_Notes":
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def say(self, line: str) -> None:
        """One line."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def begin(self, name: str) -> None:
        """A clip's work begins."""
        self._name, self._printed = name, time.monotonic()
        self._task = self._bar.add_task(name, total=None)

    def advance(self, done: int, of: int) -> None:
        """So many passes of one of its methods are done."""
        self._bar.update(self._task, completed=done, total=of)
        if not self._console.is_terminal and time.monotonic() - self._printed >= QUIET_SECONDS:
            self.say(f"{self._name}: {done} of {of} passes")
            self._printed = time.monotonic()

    def end(self) -> None:
        """The clip is done."""
        self._bar.remove_task(self._task)


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
