"""A run's clips as one HTML page to look at and listen to: truth against prediction, waveforms, explanations.

The view of the thesis' section 3.4.1 (figure 3.3): every clip is a point, a click plays it. The page needs no network
and no other file.
"""

import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.errors import format_count
from affect_jax.evaluation import cases
from affect_jax.evaluation.audible_clips import (
    Clips,
    choose_audible,
    encode_sound,
    open_corpus,
    open_folder,
    outline_sound,
    read_clips,
    read_explanations,
)
from affect_jax.evaluation.read import Run
from affect_jax.experiment import trial_choice
from affect_jax.experiment.chosen_trial import Choice
from affect_jax.features import audio
from affect_jax.reports import render
from affect_jax.runtime.score_text import describe_score


class Heading(NamedTuple):
    """What the page says of itself."""

    title: str  # its first line; says what the corpus is
    target: str  # what the labels are called on the axes
    facts: Sequence[str] = ()  # further lines under the title
    classes: Sequence[str] = ()  # names of the classes; their numbers where there are none


def render_clips(
    clips: Clips,
    heading: Heading,
    *,
    sounds: Iterable[tuple[str, audio.Sound]] = (),
    audible: Container[str] = (),
    explained: Mapping[str, Mapping[str, Any]],
) -> bytes:
    """The whole page, UTF-8.

    Args:
      sounds: (clip id, samples), one after the other; a clip without one is shown without a waveform.
      audible: ids whose sound goes into the page; the others only show their waveform.
      explained: from `read_explanations`; those of other clips are passed over.
    """
    number = {name: i for i, name in enumerate(clips.ids)}
    numbers = zip(clips.targets.tolist(), clips.predictions.round(6).tolist(), strict=True)
    entries: list[dict[str, Any]] = [
        {"id": name, "group": group, "target": round(target, 6), "prediction": prediction, "sound": False}
        for name, group, (target, prediction) in zip(clips.ids, clips.groups, numbers, strict=True)
    ]
    encoded = []
    for name, sound in sounds:
        entry = entries[number[name]]
        entry["seconds"] = round(len(sound.samples) / sound.rate, 3)
        entry["outline"] = render.encode_base64(outline_sound(sound.samples).tobytes())
        entry["sound"] = name in audible
        if name in audible:
            encoded.append((number[name], render.encode_base64(encode_sound(sound))))
    for name in number.keys() & explained.keys():
        entries[number[name]]["explanation"] = explained[name]
    classes, kinds = heading.classes, list(cases.NAMES.values())
    if clips.predictions.ndim == 2:
        classes = classes or [str(c) for c in range(clips.predictions.shape[1])]
        kinds = ["predicted right", "predicted wrong"]
    data = {
        "target": heading.target,
        "facts": list(heading.facts),
        "classes": list(classes),
        "cases": kinds,
        "margin": 100 * cases.MARGIN,
        "clips": entries,
    }
    values = {"title": heading.title, "data": data, "sounds": encoded}
    return render.render_page("listening", values, scripts=("listening_figures.js", "listening.js"))


def write_heading(choice: Choice, split: str, target: str) -> Heading:
    """What was run, on what; a corpus that was made up is called so, where its form does not say it."""
    results, trial, corpus = choice.results, choice.trial, choice.results.corpus
    kind = " (synthetic corpus)" if corpus.synthetic and "synthetic" not in corpus.form else ""
    scores = [describe_score(value, name) for name, value in (trial.scores(split) or {}).items() if value is not None]
    facts = [f"trial {choice.number}: {trial.variant}, fold {trial.fold}, seed {trial.seed}", *scores]
    return Heading(
        f"{results.name}: {split} split of {corpus.name}, {corpus.form}{kind}",
        target,
        [*facts, choice.reason, *filter(None, [trial_choice.compare_with_mean(choice)])],
        corpus.labels,
    )


def explore_run(run: Run, choice: Choice, split: str, *, audio_dir: str = "", limit: int = 0) -> tuple[bytes, str]:
    """The page of a trial's clips, and a line that says what is in it.

    Args:
      audio_dir: a folder with the clips' own sound; '' takes the corpus'.
      limit: how many sounds go into the page; 0 for all.

    Raises:
      UserError: what the page shows is missing or damaged.
    """
    from rich.console import Console
    from rich.progress import track

    clips = read_clips(run.path, run.results, choice.number, split)
    wanted = set(clips.ids)
    openers = open_folder(Path(audio_dir), wanted) if audio_dir else open_corpus(run, wanted)
    audible = choose_audible(clips, limit, openers)
    explained = read_explanations(run.path / "explanations", choice.number)
    heading = write_heading(choice, split, run.config["data"]["target"])
    console = Console(file=sys.stderr)
    tracked = track(openers.items(), "clips", console=console, disable=not console.is_terminal)
    sounds = ((name, opener()) for name, opener in tracked)  # read one by one: they may be large
    data = render_clips(clips, heading, sounds=sounds, audible=set(audible), explained=explained)
    amounts = f"{len(audible)} with sound, {len(wanted & explained.keys())} with LIME weights"
    return data, f"{format_count(len(clips.ids), 'clip')}, {amounts}, {len(data) / 1e6:.1f} MB"
