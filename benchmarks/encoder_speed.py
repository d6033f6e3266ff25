"""Extraction at base size with random weights, ours against `transformers` and torchvision, on the same batches.

    python -m benchmarks.encoder_speed FOLDER             # in the environment of requirements-bench.txt; 12 minutes
    python -m benchmarks.encoder_speed FOLDER --share=4   # a quarter of the clips, texts and images
    python -m benchmarks.encoder_speed FOLDER --small     # small networks, few batches: whether it works, in 2 minutes

For each model each side has a process of its own, one after the other, with the same cores and as many threads: the
weights are read, a batch of each shape goes through once, which compiles ours, and then all batches as often as
`--rounds` says, of which the fastest round counts. Batches are those that our extraction makes. Seconds are those of
the clock, beside those of the processor in all threads; `load` is the machine's before a row, so that it can be seen
whether it was quiet, and `took` the time of a whole row.
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
_SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
SMALL = {
    "wav2vec2-base": _SMALL | dict(conv_dim=(32,) * 7, num_conv_pos_embedding_groups=4),
    "bert-base": _SMALL,
}
"""What small networks have otherwise; in the place of ResNet-101 it is ResNet-18."""
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


def make_theirs(name: str, folder: Path, small: bool) -> Callable[[Batch], Any]:
    """Their network, whose weights are written where they are missing."""
    import torch

    from benchmarks.encoder_fixtures import load_torchvision

    torch.manual_seed(0)
    torchvision = load_torchvision()
    if name == "resnet101":
        from safetensors.torch import save_file

        network = (torchvision.models.resnet18() if small else torchvision.models.resnet101()).eval()
        folder.mkdir(parents=True, exist_ok=True)
        save_file(network.state_dict(), folder / "model.safetensors")
        network.fc = torch.nn.Identity()
        return lambda batch: network(torch.from_numpy(batch[0]).permute(0, 3, 1, 2))
    import transformers

    kind = {"wav2vec2-base": "Wav2Vec2", "bert-base": "Bert"}[name]
    config = getattr(transformers, f"{kind}Config")(**SMALL[name] if small else {})
    network = getattr(transformers, f"{kind}Model")(config).eval()
    network.save_pretrained(folder)
    if kind == "Bert":
        return lambda batch: (
            network(
                torch.from_numpy(batch[0]).long(), attention_mask=torch.from_numpy(batch[1]).long()
            ).last_hidden_state
        )
    return lambda batch: network(torch.from_numpy(batch[0])).last_hidden_state


def make_ours(name: str, folder: Path, small: bool) -> Callable[[Batch], Any]:
    """Our network of the same weights."""
    from affect_jax.runtime import startup

    startup.use_one_device()  # as launch.prepare does
    import jax

    from affect_jax.encoders import extract
    from affect_jax.encoders import folder as folders

    weights = folder / "model.safetensors"
    encoder = folders.load_encoder(f"{'resnet18' if small else name}:{weights}" if name == "resnet101" else str(folder))
    variables = jax.device_put(encoder.variables)
    if name == "resnet101":
        return lambda batch: np.asarray(extract._encode_images(encoder.model, variables, batch[0]))
    return lambda batch: np.asarray(extract._encode(encoder.model, "last", variables, *batch)[0])


def run_side(side: str, name: str, folder: Path, asked: argparse.Namespace) -> list[dict[str, float]]:
    """Seconds of the processor and of the clock of each round of one side."""
    batches = list(make_batches(name, asked.share))
    apply = {"theirs": make_theirs, "ours": make_ours}[side](name, folder / name, asked.small)
    if side == "theirs":
        import torch

        torch.set_grad_enabled(False)
        torch.set_num_threads(len(os.sched_getaffinity(0)))
    for batch in {batch[0].shape: batch for batch in batches}.values():
        apply(batch)
    rounds = []
    for _ in range(asked.rounds):
        processor, clock = time.process_time(), time.perf_counter()
        for batch in batches:
            apply(batch)
        rounds.append({"processor": time.process_time() - processor, "clock": time.perf_counter() - clock})
    return rounds


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the weights")
    parser.add_argument("--share", type=int, default=1, help="one part of so many of the clips, texts and images")
    parser.add_argument("--only", default=",".join(MODELS), help="models, separated by commas")
    parser.add_argument("--rounds", type=int, default=2, help="of each side, of which the fastest counts")
    parser.add_argument("--small", action="store_true", help="small networks, a 32nd of the clips, texts and images")
    parser.add_argument("--side", choices=("theirs", "ours"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    asked.share = 32 if asked.small else asked.share
    return asked


def main() -> None:
    """Prints a line for each model."""
    asked = parse_arguments()
    if asked.side:
        print(json.dumps(run_side(asked.side, asked.only, asked.folder, asked)))
        return
    print("| model | theirs, s | ours, s | theirs / ours | theirs, CPU s | ours, CPU s | load | took, s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in asked.only.split(","):
        began, load, best = time.perf_counter(), os.getloadavg()[0], {}
        for side in ("theirs", "ours"):
            words = [str(asked.folder), f"--share={asked.share}", f"--only={name}", f"--rounds={asked.rounds}"]
            words += ["--small"] if asked.small else []
            command = [sys.executable, "-m", "benchmarks.encoder_speed", *words, f"--side={side}"]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            best[side] = min(json.loads(answer.splitlines()[-1]), key=lambda one: one["clock"])
        theirs, ours = best["theirs"], best["ours"]
        numbers = [f"{side['clock']:.1f}" for side in (theirs, ours)] + [f"{theirs['clock'] / ours['clock']:.2f}"]
        numbers += [f"{side['processor']:.1f}" for side in (theirs, ours)]
        numbers += [f"{load:.1f}", f"{time.perf_counter() - began:.0f}"]
        print(f"| {name} | {' | '.join(numbers)} |", flush=True)


if __name__ == "__main__":
    main()
