"""A small IEMOCAP in both of its layouts with planted answers (`planted_emotions`), read by the same readers as the
real files.

Both forms have the same utterances, emotions, words and video; only the audio differs: numbers in 120 columns in the
precomputed form, a voice to compute MFCC from in the release form.

The folds of both forms leave one session out. In the precomputed form the order of rows differs between folds, and some
utterances have no video (video_seqN = 0). Real files are float32; here the large arrays are float16, which keeps five
copies of them small. The release form has the traps of the real one: names whose first letter is not the speaker's,
codes to leave out, latin-1, `._*` files, and a word without a vector.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.iemocap import planted_emotions, precomputed, release, render
from affect_jax.datasets.iemocap.emotions import COUNTS, LEFT_OUT
from affect_jax.datasets.iemocap.planted_emotions import PlantedUtterance
from affect_jax.datasets.iemocap.sessions import assign_splits
from affect_jax.datasets.iemocap.settings import FORMS
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.synthetic_videos import FPS, draw_bars, write_video
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError
from affect_jax.features.audio import to_int16

FILMS = "films"
"""The form of a release that has avi files, too."""
HALVES = ("left", "right")
"""Of a film, and its channels."""
FACELESS = 60
"""One of so many utterances of the precomputed form has no video."""
_NOISE = 1.0  # standard deviation of the noise in a frame; a group has the size 1


class _Turn(NamedTuple):
    """An utterance, its number, when in its film it begins and ends, in seconds, and in which half its speaker is."""

    number: int
    utterance: PlantedUtterance
    start: float
    end: float
    half: str


def synthesize(
    folder: Path,
    *,
    form: str = "precomputed",
    sessions: int = 5,
    utterances: int = 24,
    text: int = 16,
    video: int = 12,
    audio: int = 24,
    width: int = 16,
    seed: int = 0,
) -> None:
    """Writes the corpus; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      form: 'precomputed', 'release', or 'films': the release with avi files, in which the speaker's half shows what
        video features tell, and one of two channels has what is heard.
      sessions: how many, of two speakers each.
      utterances: of each speaker.
      text: words of the longest utterance.
      video: video frames of the longest utterance.
      audio: audio frames (of 10 ms) of the longest utterance.
      width: columns of video features.
      seed: of all random numbers.

    Raises:
      UserError: a size is impossible, the folder exists or cannot be written, or PyAV, which writes films, is missing.
    """
    # Four frames are the shortest sound that has a window of 25 ms.
    if not (form in (*FORMS, FILMS) and 3 <= sessions <= 5 and min(text, video, audio - 2) >= 6 and width >= 2):
        raise UserError(
            f"config.corpus.synthetic has the form {form!r}, {sessions} sessions, at most {text} words, {video} video"
            f" and {audio} audio frames, and video {width} wide; expected one of {', '.join(FORMS)}, 3 to 5, 6 or"
            " more, 6 or more, 8 or more, and 2 or more"
        )
    counts = planted_emotions.count_utterances(2 * sessions * utterances)
    if utterances < 1 or len(set(counts.values())) < len(COUNTS) or min(counts.values()) < sessions:
        raise UserError(
            f"config.corpus.synthetic has {utterances} utterances a speaker, too few for {len(COUNTS)} emotions of"
            " which no two are as frequent; use 24 or more"
        )
    parameters = dict(
        form=form, sessions=sessions, utterances=utterances, text=text, video=video, audio=audio, width=width, seed=seed
    )
    planted = planted_emotions.draw_utterances(sessions, utterances, seed)
    with make_whole_folder(Path(folder)) as place:
        (_write_precomputed if form == "precomputed" else _write_release)(place, planted, parameters)
        sizes = {"form": "release" if form == FILMS else form, "counts": counts, "sessions": sessions, "video": width}
        write_marker(place, "iemocap", parameters, sizes)


def make_words(utterance: PlantedUtterance, number: int, parameters: dict) -> list[str]:
    """Makes the words of the utterance `number`, the same in both forms."""
    rng = np.random.default_rng([parameters["seed"], 5, number])
    return render.draw_words(rng, utterance.codes["text"], parameters["text"])


def make_video(utterance: PlantedUtterance, number: int, parameters: dict) -> np.ndarray:
    """Makes float64 [T, width], the video of the utterance `number`, the same in both forms."""
    return _make_frames("video", utterance, number, parameters["video"], parameters["width"], parameters["seed"])


def make_sound(utterance: PlantedUtterance, number: int, parameters: dict) -> np.ndarray:
    """Makes int16 [T] at 16 kHz, the sound of the utterance `number` in the release form."""
    seed, man = parameters["seed"], utterance.speaker[-1] == "M"
    own = np.random.default_rng([seed, 11, utterance.session, int(man)]).normal(size=4)
    rng = np.random.default_rng([seed, 12, number])
    # As many frames of 10 ms as in the precomputed form.
    frames = int(rng.integers(parameters["audio"] // 2, parameters["audio"] + 1))
    voice = render.render_voice(
        rng, utterance.codes["audio"], own, man, (frames - 1) * release.RATE // 100, release.RATE
    )
    return to_int16(voice)


def _make_frames(
    modality: str, utterance: PlantedUtterance, number: int, longest: int, width: int, seed: int
) -> np.ndarray:
    """float64 [T, width]: half to all of `longest` frames."""
    kind = ("video", "audio").index(modality)
    code = utterance.codes[modality]
    mixing = np.random.default_rng([seed, 4, kind]).normal(size=(len(code), width))
    speaker = [utterance.session, "FM".index(utterance.speaker[-1])]
    own = np.random.default_rng([seed, 6, kind, *speaker]).normal(scale=0.3, size=width)
    rng = np.random.default_rng([seed, 7, kind, number])
    length = int(rng.integers(longest // 2, longest + 1))
    return render.render_frames(rng, code, mixing, own, length, _NOISE)


def _write_precomputed(place: Path, planted: list[PlantedUtterance], parameters: dict) -> None:
    rows = [_make_row(utterance, number, parameters) for number, utterance in enumerate(planted)]
    table = render.make_word_vectors(parameters["seed"], precomputed.TEXT)
    # Row 0 is for the padding.
    vocabulary = np.stack([np.zeros(precomputed.TEXT, np.float32), *table.values()])
    sessions = tuple(range(1, parameters["sessions"] + 1))
    for fold, tested in enumerate(sessions):
        folder = place / "seven_category_120" / "folds" / f"fold{tested:02d}"
        folder.mkdir(parents=True)
        np.save(folder / precomputed.VOCABULARY, vocabulary)
        order = np.random.default_rng([parameters["seed"], 8, fold]).permutation(len(planted)).tolist()
        for split in precomputed.SPLITS:
            members = [rows[i] for i in order if assign_splits(planted[i].session, sessions)[fold] == split]
            for kind in precomputed.KINDS:
                np.save(folder / f"{split}_{kind}.npy", np.stack([row[kind] for row in members]))


def _make_row(utterance: PlantedUtterance, number: int, parameters: dict) -> dict[str, np.ndarray]:
    """Makes kind of file -> row of the utterance."""
    seed = parameters["seed"]
    video = make_video(utterance, number, parameters)
    coefficients = _make_frames("audio", utterance, number, parameters["audio"], precomputed.AUDIO // 3, seed)
    first = np.gradient(coefficients, axis=0)
    audio = np.concatenate([coefficients, first, np.gradient(first, axis=0)], axis=1)
    mixing = np.random.default_rng([seed, 9]).normal(size=(precomputed.AUDIO // 3, precomputed.PROSODY)) / 3
    rng = np.random.default_rng([seed, 10, number])
    prosody = coefficients.mean(axis=0) @ mixing + 0.5 * rng.normal(size=precomputed.PROSODY)
    numbers = [1 + render.VOCABULARY.index(word) for word in make_words(utterance, number, parameters)]
    has_no_face = number % FACELESS == FACELESS - 1
    return {
        "audio_mfcc": _pad_frames(audio, parameters["audio"]),
        "audio_seqN": np.int64(len(audio)),
        "audio_prosody": prosody.astype(np.float32),
        "video": _pad_frames(0 * video if has_no_face else video, parameters["video"]),
        "video_seqN": np.int64(0 if has_no_face else len(video)),
        "nlp_trans": np.pad(np.array(numbers, np.int64), (0, parameters["text"] - len(numbers))),
        "label": np.int64(list(COUNTS).index(utterance.code)),
    }


def _pad_frames(values: np.ndarray, length: int) -> np.ndarray:
    return np.pad(values, ((0, length - len(values)), (0, 0))).astype(np.float16)


def _write_release(place: Path, planted: list[PlantedUtterance], parameters: dict) -> None:
    import soundfile

    emotions: dict[Path, list[str]] = {}
    transcripts: dict[Path, list[str]] = {}
    (place / release.VIDEO_FOLDER).mkdir()
    times = _plan_times(planted, parameters) if parameters["form"] == FILMS else [(1.0, 2.0)] * len(planted)
    for number, utterance in enumerate(planted):
        session, dialog = place / f"Session{utterance.session}", utterance.id.rpartition("_")[0]
        wav = session / "sentences" / "wav" / dialog / f"{utterance.id}.wav"
        wav.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(wav, make_sound(utterance, number, parameters), release.RATE, subtype="PCM_16")
        (wav.parent / f"._{wav.name}").write_bytes(b"not a sound")
        video = make_video(utterance, number, parameters).astype(np.float32)
        np.save(place / release.VIDEO_FOLDER / f"{utterance.id}.npy", video)
        path = session / "dialog" / "EmoEvaluation" / f"{dialog}.txt"
        start, end = times[number]
        line = f"[{start:.4f} - {end:.4f}]\t{utterance.id}\t{utterance.code}\t[2.5, 2.5, 2.5]"
        emotions.setdefault(path, []).append(line)
        transcript = " ".join(make_words(utterance, number, parameters)).capitalize() + "."
        path = session / "dialog" / "transcriptions" / f"{dialog}.txt"
        transcripts.setdefault(path, []).append(f"{utterance.id} [{start:08.4f}-{end:08.4f}]: {transcript}")
    if parameters["form"] == FILMS:
        _write_films(place, planted, times, parameters)
    for number, (path, lines) in enumerate(emotions.items()):
        # An utterance of another emotion, which has no transcript and no sound here.
        other = f"[3.0000 - 4.0000]\t{path.stem}_F999\t{LEFT_OUT[number % len(LEFT_OUT)]}\t[2.5, 2.5, 2.5]"
        votes = ["C-E1:\tNeutral;\t()", "A-E1:\tval 3; act 2; dom  2;\t(caf\u00e9)", ""]
        heading = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        _write_text(path, [*heading, *(row for line in (*lines, other) for row in (line, *votes))])
    for path, lines in transcripts.items():
        _write_text(path, [*lines, "M: (says \u00e9 without a name)"])
    table = render.make_word_vectors(parameters["seed"], precomputed.TEXT)
    table["."] = table["the"]
    with (place / release.GLOVE_FILE).open("w") as file:
        for word, vector in table.items():
            if word != render.UNKNOWN_WORD:
                file.write(f"{word} {' '.join(f'{x:.4f}' for x in vector)}\n")


def _plan_times(planted: list[PlantedUtterance], parameters: dict) -> list[tuple[float, float]]:
    """When in its dialog each utterance begins and ends, one after another; none is shorter than its sound."""
    clocks: dict[str, float] = {}
    seconds = max(0.8, parameters["audio"] / 100)
    times = []
    for utterance in planted:
        dialog = utterance.id.rpartition("_")[0]
        start = clocks.get(dialog, 0.5)
        times.append((start, start + seconds))
        clocks[dialog] = start + seconds + 0.2
    return times


def _write_films(
    place: Path, planted: list[PlantedUtterance], times: list[tuple[float, float]], parameters: dict
) -> None:
    """Films of both actors: bars that show the code of whoever speaks in their half, noise in the other. The sound of
    an utterance is in the channel of that half.
    """
    films: dict[Path, list[_Turn]] = {}
    for number, (utterance, (start, end)) in enumerate(zip(planted, times, strict=True)):
        dialog = utterance.id.rpartition("_")[0]
        half = "left" if utterance.id[5] == utterance.speaker[-1] else "right"
        path = place / f"Session{utterance.session}" / release.FILMS[0] / f"{dialog}.avi"
        films.setdefault(path, []).append(_Turn(number, utterance, start, end, half))
    for number, (path, turns) in enumerate(films.items()):
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([parameters["seed"], 13, number])
        write_video(path, _draw_film(rng, turns), _record_film(turns, parameters), release.RATE)


def _record_film(turns: list[_Turn], parameters: dict) -> np.ndarray:
    """int16 [T, 2]: each utterance from when it begins on, silence between."""
    sound = np.zeros((round(_measure_film(turns) * release.RATE), 2), np.int16)
    for turn in turns:
        voice, start = make_sound(turn.utterance, turn.number, parameters), round(turn.start * release.RATE)
        sound[start : start + len(voice), HALVES.index(turn.half)] = voice
    return sound


def _measure_film(turns: list[_Turn]) -> float:
    """Seconds."""
    return turns[-1].end + 0.5


def _draw_film(rng: np.random.Generator, turns: list[_Turn]) -> Iterator[np.ndarray]:
    for frame in range(round(_measure_film(turns) * FPS)):
        halves = {half: draw_bars(rng.normal(size=7)) for half in HALVES}
        now = (frame + 0.5) / FPS
        for turn in turns:
            if turn.start <= now < turn.end:
                halves[turn.half] = draw_bars(turn.utterance.codes["video"] + 0.3 * rng.normal(size=7))
        yield np.concatenate([halves[half] for half in HALVES], axis=1)


def _write_text(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join(lines) + "\n").encode("latin-1"))
    (path.parent / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
