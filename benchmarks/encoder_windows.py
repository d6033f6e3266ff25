"""How near the features of windows are to those of the whole recording, and how much memory an hour takes.

    python -m benchmarks.encoder_windows differences    # wav2vec2-base, random weights; 6 minutes of processor time
    python -m benchmarks.encoder_windows memory FOLDER tiny:6,tiny:60      # ENCODER:MINUTES

`differences`: a synthetic recording of bursts of noise with pauses, whole and in windows. A difference is that of a
step's features, as a root mean square over them, relative to the features' own spread over time. As drawn, weights make
attention nearly even; "sharp" multiplies all queries, so that a step attends to few others, wherever in the recording
they are, which is the hardest case for windows.

`memory`: one file through `launch.prepare --features` in a process of its own; its greatest resident memory.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

CONFIGS = {
    "base": dict(),
    "tiny": dict(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        conv_dim=[32] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    ),
}
"""Encoder -> what its config.json has other than wav2vec2-base."""
RATE = 16_000
PLACES = "60:10,30:10,30:5,20:2"
"""Seconds of windows, and of what is left out at their ends."""
SHARP = 10.0


def draw_sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Bursts of filtered noise of a quarter of a second to two, of uneven loudness, with pauses; float32 [S]."""
    draw, parts, left = np.random.default_rng(seed), [], round(seconds * RATE)
    while left > 0:
        burst = draw.normal(size=min(round(draw.uniform(0.25, 2) * RATE), left)).astype(np.float32)
        colour = np.sin(np.arange(32) * draw.uniform(0.1, 1.5)).astype(np.float32)
        loudness = draw.uniform(0.05, 1) * np.hanning(len(burst) + 2)[1:-1].astype(np.float32)
        pause = min(round(draw.exponential(0.4) * RATE), left - len(burst))
        parts += [np.convolve(burst, colour, "same") * loudness, 0.001 * draw.normal(size=pause).astype(np.float32)]
        left -= len(burst) + pause
    sound = np.concatenate(parts).astype(np.float32)
    return 0.5 * sound / np.abs(sound).max()


def make_encoder(name: str) -> Any:
    """An encoder of `CONFIGS` with random weights."""
    import jax

    from affect_jax.encoders import families, speech
    from affect_jax.encoders.settings import ConfigFile

    model = speech.make_model(ConfigFile({"model_type": "wav2vec2", **CONFIGS[name]}, name))
    inputs = families.make_example(model)
    variables = jax.jit(lambda key: model.init(key, *inputs))(jax.random.key(0))
    return families.Encoder("sound", model, jax.tree.map(np.asarray, variables))


def compare_windows(name: str, seconds: float, places: str) -> None:
    """Prints a line for each place of windows and sharpness."""
    import jax

    from affect_jax.encoders import extract, sound

    samples = sound.normalise_samples(draw_sound(seconds))
    print(f"wav2vec2-{name}, random weights, {seconds:g} s of synthetic sound\n")
    print("| attention | window, s | overlap, s | worst difference | mean difference | CPU s |")
    print("| --- | --- | --- | --- | --- | --- |")
    encoder = make_encoder(name)
    for kind, factor in (("as drawn", 1.0), ("sharp", SHARP)):
        own = jax.tree_util.tree_map_with_path(
            lambda path, leaf, factor=factor: leaf * factor if any(k.key == "q_proj" for k in path) else leaf,
            encoder.variables,
        )
        variables = jax.device_put(own)
        extractor = extract.Extractor(encoder, "last", True, None, None, "")
        whole = extract.extract_windows(extractor, variables, samples, seconds + 1, 0)
        spread = np.sqrt(np.square(whole - whole.mean(axis=0)).mean())
        for place in places.split(","):
            window, context = map(float, place.split(":"))
            if window >= seconds:
                continue
            began = time.process_time()
            found = extract.extract_windows(extractor, variables, samples, window, context)
            took = time.process_time() - began
            errors = np.sqrt(np.square(found - whole).mean(axis=1)) / spread
            words = (kind, f"{window:g}", f"{context:g}", f"{errors.max():.1e}", f"{errors.mean():.1e}", f"{took:.0f}")
            print(f"| {' | '.join(map(str, words))} |", flush=True)


def write_encoder(folder: Path, name: str, encoder: str) -> Path:
    """Writes an encoder of `CONFIGS` to `folder`/`name`, as the Hugging Face hub lays it out."""
    import safetensors.numpy

    from affect_jax.encoders.published import write_arrays

    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "config.json").write_text(json.dumps({"model_type": "wav2vec2", **CONFIGS[encoder]}))
    safetensors.numpy.save_file(write_arrays(make_encoder(encoder).variables), place / "model.safetensors")
    return place


def extract_file(folder: Path, name: str, minutes: float) -> dict[str, float]:
    """Writes a recording, extracts its features in this process, and returns megabytes and seconds."""
    import soundfile

    from affect_jax.runtime import startup

    startup.use_one_device()  # as launch.prepare does
    from affect_jax.datasets.manifest.extract_columns import extract_features

    place = folder / f"{name}_{minutes:g}"
    place.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(place / "long.wav", "w", RATE, 1, "PCM_16") as file:
        for number in range(max(1, round(minutes))):
            file.write(draw_sound(60 * min(minutes, 1), number))
    with (place / "long.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "label", "clip"), ("long", "x", "long.wav")])
    began = time.process_time()
    list(extract_features(place / "long.csv", f"voice=clip:{folder / name}", place / "made"))
    (made,) = (place / "made" / "features").glob("*.npz")
    with np.load(made) as file:
        size = file["features"].nbytes / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return dict(peak=peak, features=size, seconds=time.process_time() - began)


def measure_memory(folder: Path, cases: str) -> None:
    """Prints a line for each ENCODER:MINUTES."""
    print("| encoder | minutes | samples, MB | features, MB | peak, MB | CPU s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for case in cases.split(","):
        name, _, minutes = case.partition(":")
        if not (folder / name).exists():
            write_encoder(folder, name, name)
        command = [sys.executable, "-m", "benchmarks.encoder_windows", "file", str(folder), case]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        found = json.loads(answer.splitlines()[-1])
        samples = float(minutes) * 60 * RATE * 4 / 1e6
        numbers = (samples, found["features"], found["peak"], found["seconds"])
        print(f"| {name} | {minutes} | {' | '.join(f'{x:,.0f}' for x in numbers)} |", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    differences = kinds.add_parser("differences")
    differences.add_argument("--encoder", choices=CONFIGS, default="base")
    differences.add_argument("--seconds", type=float, default=100.0)
    differences.add_argument("--places", default=PLACES, help="WINDOW:OVERLAP in seconds, separated by commas")
    for kind in ("memory", "file"):
        own = kinds.add_parser(kind)
        own.add_argument("folder", type=Path, help="for weights, recordings and features")
        own.add_argument("cases", help="ENCODER:MINUTES, separated by commas")
    asked = parser.parse_args()
    if asked.kind == "differences":
        compare_windows(asked.encoder, asked.seconds, asked.places)
    elif asked.kind == "memory":
        measure_memory(asked.folder, asked.cases)
    else:
        name, _, minutes = asked.cases.partition(":")
        print(json.dumps(extract_file(asked.folder, name, float(minutes))))


if __name__ == "__main__":
    main()
