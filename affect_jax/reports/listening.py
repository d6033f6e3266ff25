"""A run's clips as one HTML page to look at and listen to: truth against prediction, waveforms, explanations.

The view of the thesis' section 3.4.1 (figure 3.3): every clip is a point, a click plays it, its film too where it has
one. The page needs no network, and no other file unless its films are more than `EMBEDDED` bytes: these then lie in a
folder beside it.
"""

import sys
import urllib.parse
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.errors import UserError, format_count
from affect_jax.evaluation import cases
from affect_jax.evaluation.audible_clips import (
    Clips,
    Openers,
    choose_audible,
    encode_sound,
    find_corpus_films,
    open_corpus,
    open_folder,
    outline_sound,
    read_clips,
    read_explanations,
)
from affect_jax.evaluation.films import Film, encode_film, find_films
from affect_jax.evaluation.read import Run
from affect_jax.experiment import trial_choice
from affect_jax.experiment.chosen_trial import Choice
from affect_jax.features import audio, sound_files
from affect_jax.features.segments import hold_last
from affect_jax.features.video import read_facts
from affect_jax.reports import render
from affect_jax.runtime.score_text import describe_score

EMBEDDED = 20_000_000
"""Bytes of films that a page holds itself."""


class Page(NamedTuple):
    """What is to be written.

    Attributes:
      html: the page, UTF-8.
      films: name of a file in the folder of films beside the page -> its bytes; {} where the page holds them.
    """

    html: bytes
    films: Mapping[str, bytes]


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
    films: Mapping[str, tuple[bytes, float]] | None = None,
    film_folder: str = "",
) -> bytes:
    """The whole page, UTF-8.

    Args:
      sounds: (clip id, samples), one after the other; a clip without one is shown without a waveform.
      audible: ids whose sound goes into the page; the others only show their waveform.
      explained: from `read_explanations`; those of other clips are passed over.
      films: clip id -> WebM and its seconds; their sound is not put into the page once more.
      film_folder: where the page finds the films, as `write_film_name` names them; '' puts them into the page.
    """
    number, films = {name: i for i, name in enumerate(clips.ids)}, films or {}
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
        if name in audible and name not in films:
            encoded.append((number[name], render.encode_base64(encode_sound(sound))))
    embedded = []
    for name, (film, seconds) in films.items():
        entry = entries[number[name]]
        entry |= {"seconds": max(round(seconds, 3), entry.get("seconds", 0.0)), "sound": True, "film": True}
        if film_folder:
            entry["film"] = f"{film_folder}/{write_film_name(number[name])}"
        else:
            embedded.append((number[name], render.encode_base64(film)))
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
    values = {"title": heading.title, "data": data, "sounds": encoded, "films": embedded}
    values["media"] = "data: 'self' file:" if film_folder else "data:"
    return render.render_page("listening", values, scripts=("listening_figures.js", "listening.js"))


def write_film_name(number: int) -> str:
    """The name of a clip's film in the folder beside the page."""
    return f"{number}.webm"


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


def explore_run(
    run: Run, choice: Choice, split: str, *, audio_dir: str = "", limit: int = 0, film_folder: str = "films"
) -> tuple[Page, str]:
    """The page of a trial's clips, and a line that says what is in it.

    Args:
      audio_dir: a folder with the clips' own sound; '' takes the corpus'.
      limit: how many sounds and films go into the page; 0 for all.
      film_folder: name of the folder beside the page that gets the films if they are more than `EMBEDDED` bytes.

    Raises:
      UserError: what the page shows is missing or damaged.
    """
    from rich.console import Console
    from rich.progress import track

    clips = read_clips(run.path, run.results, choice.number, split)
    wanted = set(clips.ids)
    sources = find_films(Path(audio_dir), wanted) if audio_dir else find_corpus_films(run, wanted)
    openers = _open_sounds(run, audio_dir, wanted, sources)
    audible = choose_audible(clips, limit, openers.keys() | sources.keys())
    explained = read_explanations(run.path / "explanations", choice.number)
    heading = write_heading(choice, split, run.config["data"]["target"])
    console = Console(file=sys.stderr)
    tracked = track(openers.items(), "clips", console=console, disable=not console.is_terminal)
    sounds = ((name, opener()) for name, opener in tracked)  # read one by one: they may be large
    decode = hold_last(sound_files.decode_audio)  # clips may be stretches of one film
    shown = sorted((name for name in audible if name in sources), key=lambda name: sources[name].path)
    films = {name: encode_film(sources[name], decode) for name in shown}
    beside = film_folder if sum(len(film) for film, _ in films.values()) > EMBEDDED else ""
    data = render_clips(
        clips,
        heading,
        sounds=sounds,
        audible=set(audible),
        explained=explained,
        films=films,
        film_folder=urllib.parse.quote(beside),
    )
    amounts = f"{len(audible)} with sound, {len(wanted & explained.keys())} with LIME weights"
    amounts += (
        f", {len(films)} with films{f' in the folder {beside} beside the page' if beside else ''}" if films else ""
    )
    apart = {write_film_name(clips.ids.index(name)): film for name, (film, _) in films.items()} if beside else {}
    return Page(data, apart), f"{format_count(len(clips.ids), 'clip')}, {amounts}, {len(data) / 1e6:.1f} MB"


def _open_sounds(run: Run, audio_dir: str, wanted: set[str], films: Mapping[str, Film]) -> Openers:
    """What reads the sounds of clips; films may be all that there is of them, without a sound."""
    try:
        openers = open_folder(Path(audio_dir), wanted) if audio_dir else open_corpus(run, wanted)
    except UserError:
        if not films:
            raise
        return {}
    mute = {name for name, film in films.items() if not read_facts(film.path).has_sound}
    return {name: opener for name, opener in openers.items() if name not in mute}
