"""How long `launch.predict` takes from the command to the answer for one clip of 10 s, with programs cached.

    python -m benchmarks.encoder_latency FOLDER                    # about 4 minutes on two cores, most of it training
    python -m benchmarks.encoder_latency FOLDER --only=fusion      # again: runs in FOLDER are kept

Each run is trained for an epoch on a few synthetic clips: `fusion`, three modalities of clips and their transcripts
(MFCC, gradients of pictures, word vectors); `tiny`, a tiny random wav2vec 2.0 with adapters; `base`, a random
wav2vec2-base with a head. Then one clip is predicted by the command as a user gives it: once to compile, then as often
as `--times` says. Seconds are those of the clock, from the start of the process, with all imports, to its end.
"""

import argparse
import csv
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.encoder_windows import RATE, write_encoder

ROOT = Path(__file__).resolve().parents[1]
CLIPS, SECONDS, LONG, FRAMES = 10, 2, 10, 10
MOODS = ("sad", "happy")
SMALL = ("--config.study.seeds=1", "--config.study.folds=('fold_1',)", "--config.stages.fit.epochs=1")
FUSION = ("--config.study.only=('intra',)", "--config.model.units=8", "--config.model.heads=2")
BASE = ("--config.model.encoder.train=nothing", "--config.stages.fit.batch=4")


def write_clip(path: Path, seconds: int, mood: int, number: int) -> None:
    """A bright square that moves, and a tone; those of other numbers are others."""
    import av

    tone = 0.3 * np.sin(2 * np.pi * (300 + 400 * mood + 10 * number) * np.arange(seconds * RATE) / RATE).astype(
        np.float32
    )
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=FRAMES)
        video.height, video.width, video.pix_fmt = 96, 128, "yuv420p"
        sound = container.add_stream("aac", rate=RATE, layout="mono")
        for at in range(seconds * FRAMES):
            image = np.full((96, 128, 3), 30, np.uint8)
            left = (3 * at * (1 + mood)) % 96
            image[30:60, left : left + 30] = 200 - 5 * number
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        frame = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode())


def write_corpus(folder: Path) -> None:
    """Clips, their transcripts and sound, two tables of them, and a clip and a recording to predict."""
    import soundfile

    folder.mkdir(parents=True)
    vectors = [f"{word} {' '.join(map(str, np.eye(4)[at]))}" for at, word in enumerate(("a", "day", *MOODS))]
    (folder / "words.txt").write_text("\n".join(vectors) + "\n")
    rows, draw = [], np.random.default_rng(0)
    for number in range(CLIPS + 1):
        mood, seconds = number % 2, SECONDS if number < CLIPS else LONG
        name = f"c{number}" if number < CLIPS else "new"
        write_clip(folder / f"{name}.mp4", seconds, mood, number)
        cue = f"1\n00:00:00,100 --> 00:00:{seconds - 1:02},900\n{f'a {MOODS[mood]} day ' * seconds}\n"
        (folder / f"{name}.srt").write_text(cue)
        soundfile.write(folder / f"{name}.wav", 0.1 * draw.normal(size=seconds * RATE), RATE)
        rows.append((name, f"g{number // 2}", MOODS[mood], f"{name}.mp4", f"{name}.srt", f"{name}.wav"))
    for name, columns in (("clips", (0, 1, 2, 3, 4)), ("recordings", (0, 1, 2, 5))):
        header = ("id", "group", "label", "clip", "said", "speech")
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([[row[at] for at in columns] for row in (header, *rows[:-1])])


def train(name: str, folder: Path, environment: dict[str, str]) -> None:
    """Trains the run `name` in its folder, where it is not there yet."""
    corpus, run = folder / "corpus", folder / name
    if (run / "results.json").exists():
        return
    if name == "fusion":
        features = f"voice=clip:mfcc, face=clip:hog, words=said:glove:{corpus / 'words.txt'}"
        call(
            [
                "prepare",
                f"--manifest={corpus / 'clips.csv'}",
                f"--features={features}",
                f"--features_out={folder}/made",
            ],
            environment,
        )
        words = ["--config=configs/fusion.py:trimodal,manifest", *FUSION]
        words += [f"--config.corpus.manifest={folder}/made/manifest.csv"]
    else:
        words = ["--config=configs/speech_emotion.py:wav2vec2"]
        words += [f"--config.corpus.manifest={corpus / 'recordings.csv'}"]
    if name == "base":
        words += [f"--config.model.encoder.weights={write_encoder(folder, name + '_weights', 'base')}", *BASE]
    call(["main", *words, *SMALL, f"--workdir={run}"], environment)


def call(words: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Runs a program of launch/; seconds of the clock and of the processor."""
    command = [sys.executable, "-m", f"launch.{words[0]}", *words[1:]]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for clips, weights and runs")
    parser.add_argument("--only", default="fusion,tiny,base", help="runs, separated by commas")
    parser.add_argument("--times", type=int, default=3, help="how often each clip is predicted, after the first time")
    asked = parser.parse_args()
    folder = asked.folder.absolute()
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    environment["XDG_CACHE_HOME"] = str(folder / "cache")
    if not (folder / "corpus").exists():
        write_corpus(folder / "corpus")
    print("| run | compiling, s | median, s | worst, s | CPU s | load |\n| --- | --- | --- | --- | --- | --- |")
    for name in asked.only.split(","):
        train(name, folder, environment)
        clip = folder / "corpus" / ("new.mp4" if name == "fusion" else "new.wav")
        words = ["predict", f"--run={folder / name}", str(clip)]
        words += [f"--transcript={clip.with_suffix('.srt')}"] if name == "fusion" else []
        first, *times = [call(words, environment) for _ in range(asked.times + 1)]
        clocks, processors = zip(*times, strict=True)
        numbers = (first[0], statistics.median(clocks), max(clocks), statistics.median(processors))
        print(f"| {name} | {' | '.join(f'{x:.1f}' for x in numbers)} | {os.getloadavg()[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
