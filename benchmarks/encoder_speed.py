"""Extraction at base size with random weights, ours against `transformers` and torchvision, on the same batches.

    python -m benchmarks.encoder_speed FOLDER --share=4      # in the environment of requirements-bench.txt

Each side has a process of its own, one after the other, for each model: the weights are read, the batches go through
once, which compiles ours, and then again, which is timed. Batches are those that our extraction makes. Seconds are
those of the processor, of all threads, beside those of the clock and the machine's load; a quarter of the clips, texts
and images is the share 4.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

CLIPS, TEXTS, IMAGES = 64, 256, 256
MODELS = ("wav2vec2-base", "bert-base", "resnet101")
Batch = tuple[np.ndarray, np.ndarray | None]


def make_batches(name: str, share: int) -> Iterator[Batch]:
    """(inputs, mask): clips of 2 to 15 s, texts of 8 to 60 pieces, images of noise, in batches of like lengths."""
    draw = np.random.default_rng(0)
    if name == "resnet101":
        for _ in range(max(IMAGES // share // 16, 1)):
            yield draw.normal(size=(16, 224, 224, 3)).astype(np.float32), None
        return
    of_sound = name == "wav2vec2-base"
    count = (CLIPS if of_sound else TEXTS) // share
    lengths = np.sort(draw.integers(*((32_000, 240_000) if of_sound else (8, 60)), count))
    sizes = [next(size for size in _list_sizes(of_sound) if size >= length) for length in lengths]
    for size in sorted(set(sizes)):
        own = lengths[np.array(sizes) == size]
        rows = max(1, 640_000 // size) if of_sound else 32
        for begin in range(0, len(own), rows):
            mask = np.arange(size)[None] < own[begin : begin + rows, None]
            if of_sound:
                yield np.where(mask, draw.normal(size=mask.shape), 0).astype(np.float32), mask
            else:
                yield np.where(mask, draw.integers(5, 20_000, mask.shape), 0).astype(np.int32), mask


def _list_sizes(of_sound: bool) -> list[int]:
    """Padded lengths, as `encoders.extract` has them."""
    if not of_sound:
        return [16, 32, 64]
    sizes = [16_000]
    while sizes[-1] < 240_000:
        sizes.append(int(sizes[-1] * 1.25))
    return sizes


def make_theirs(name: str, folder: Path) -> Callable[[Batch], Any]:
    """Their network, whose weights are written where they are missing."""
    import torch

    from benchmarks.encoder_fixtures import load_torchvision

    torch.manual_seed(0)
    torchvision = load_torchvision()
    if name == "resnet101":
        from safetensors.torch import save_file

        network = torchvision.models.resnet101().eval()
        folder.mkdir(parents=True, exist_ok=True)
        save_file(network.state_dict(), folder / "model.safetensors")
        network.fc = torch.nn.Identity()
        return lambda batch: network(torch.from_numpy(batch[0]).permute(0, 3, 1, 2))
    import transformers

    kind = {"wav2vec2-base": "Wav2Vec2", "bert-base": "Bert"}[name]
    network = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")()).eval()
    network.save_pretrained(folder)
    if kind == "Bert":
        return lambda batch: (
            network(
                torch.from_numpy(batch[0]).long(), attention_mask=torch.from_numpy(batch[1]).long()
            ).last_hidden_state
        )
    return lambda batch: network(torch.from_numpy(batch[0])).last_hidden_state


def make_ours(name: str, folder: Path) -> Callable[[Batch], Any]:
    """Our network of the same weights."""
    import jax

    from affect_jax.encoders import extract
    from affect_jax.encoders import folder as folders

    weights = folder / "model.safetensors"
    encoder = folders.load_encoder(f"resnet101:{weights}" if name == "resnet101" else str(folder))
    variables = jax.device_put(encoder.variables)
    if name == "resnet101":
        return lambda batch: np.asarray(extract._encode_images(encoder.model, variables, batch[0]))
    return lambda batch: np.asarray(extract._encode(encoder.model, "last", variables, *batch)[0])


def run_side(side: str, name: str, folder: Path, share: int) -> dict[str, float]:
    """Seconds of the processor and of the clock of one side."""
    batches = list(make_batches(name, share))
    apply = {"theirs": make_theirs, "ours": make_ours}[side](name, folder / name)
    if side == "theirs":
        import torch

        torch.set_grad_enabled(False)
    for batch in batches if side == "ours" else batches[:1]:
        apply(batch)
    processor, clock = time.process_time(), time.perf_counter()
    for batch in batches:
        apply(batch)
    return {"processor": time.process_time() - processor, "clock": time.perf_counter() - clock}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the weights")
    parser.add_argument("--share", type=int, default=1, help="one part of so many of the clips, texts and images")
    parser.add_argument("--only", default=",".join(MODELS), help="models, separated by commas")
    parser.add_argument("--side", choices=("theirs", "ours"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps(run_side(asked.side, asked.only, asked.folder, asked.share)))
        return
    print("| model | theirs, CPU s | ours, CPU s | theirs, clock s | ours, clock s | load |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in asked.only.split(","):
        seconds = {}
        for side in ("theirs", "ours"):
            words = [str(asked.folder), f"--share={asked.share}", f"--only={name}", f"--side={side}"]
            command = [sys.executable, "-m", "benchmarks.encoder_speed", *words]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds[side] = json.loads(answer.splitlines()[-1])
        sides = [f"{seconds[side][kind]:.1f}" for kind in ("processor", "clock") for side in ("theirs", "ours")]
        print(f"| {name} | {' | '.join(sides)} | {os.getloadavg()[0]:.1f} |", flush=True)


if __name__ == "__main__":
    main()
