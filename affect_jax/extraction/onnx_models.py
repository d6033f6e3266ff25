"""Any network in the ONNX format as an extractor of sound or pictures (onnxruntime, the extra `onnx`).

Beside FILE.onnx lies FILE.onnx.json, which says what the file does not:

    {"reads": "sound", "input": "waveform", "output": "states", "rate": 16000, "pooling": "none"}
    {"reads": "pictures", "input": "pixels", "output": "features", "size": [224, 224], "layout": "NCHW",
     "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "pooling": "mean"}
"""

import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from affect_jax.errors import MissingPackageError, UserError, first_line
from affect_jax.features import audio
from affect_jax.features.audio import Sound
from affect_jax.runtime import files

_KINDS = ("sound", "pictures")
_POOLING = ("none", "mean")
_LAYOUTS = ("NCHW", "NHWC")
_MORE = (".data", "_data", ".weights")
"""Ends of names of files in which a large network keeps its weights, beside FILE.onnx."""


class Card(NamedTuple):
    """What the json beside a network says.

    Attributes:
      reads: 'sound' or 'pictures'.
      input: name of the network's input.
      output: name of the output that is taken; '' for the first.
      rate: of sound, in Hz.
      size: of pictures, height and width in pixels.
      layout: of pictures, NCHW or NHWC.
      mean, std: of the three colours, which are from 0 to 1.
      pooling: 'mean' over time (of sound: one step) or over places (of pictures); 'none'.
    """

    reads: str
    input: str
    output: str = ""
    rate: int = 16_000
    size: tuple[int, int] = (224, 224)
    layout: str = "NCHW"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    pooling: str = "none"


class Network(NamedTuple):
    """A network, and what is known of it.

    Attributes:
      path: its file.
      card: what the json says.
      session: onnxruntime's.
      identity: a hash of its files.
    """

    path: Path
    card: Card
    session: Any
    identity: str


def load_network(path: Path) -> Network:
    """Loads FILE.onnx and the json beside it.

    Raises:
      UserError: onnxruntime is not installed, a file is missing or damaged, or the network has no such input or output.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingPackageError(
            "onnx:FILE is run by onnxruntime, which is not installed: pip install 'affect-jax[onnx]'"
        )
    import onnxruntime

    if not path.is_file():
        raise UserError(f"{path} is missing; name a file in the ONNX format")
    beside = path.with_name(f"{path.name}.json")
    card = read_card(beside)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong is raised
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own types are many
        raise UserError(f"{path} cannot be loaded by onnxruntime ({first_line(error)}); write it again") from error
    for what, name, there in (
        ("input", card.input, session.get_inputs()),
        ("output", card.output, session.get_outputs()),
    ):
        names = [one.name for one in there]
        if name and name not in names:
            raise UserError(f"{beside} names the {what} {name!r}, but {path.name} has {', '.join(names)}; correct it")
    others = [one.name for one in session.get_inputs() if one.name != card.input]
    if others:
        raise UserError(f"{path} wants {', '.join(others)} beside {card.input!r}; export it with one input")
    whole = [path, beside, *(path.with_name(path.name + end) for end in _MORE)]
    identity = " ".join(files.hash_file(file) for file in whole if file.is_file())
    return Network(path, card, session, identity)


def read_card(path: Path) -> Card:
    """Reads the json beside a network.

    Raises:
      UserError: it is missing, no such json, or has an unknown or wrong entry.
    """
    form = (
        '{"reads": "sound", "input": NAME, "rate": 16000} or {"reads": "pictures", "input": NAME, "size": [224, 224]}'
    )
    if not path.is_file():
        raise UserError(f"{path} is missing, which says what the network reads; write {form} (docs/clips.md)")
    try:
        plain = json.loads(path.read_bytes())
        if not isinstance(plain, dict):
            raise TypeError("no entries")
        card = Card(**{key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()})
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is not what it should be ({first_line(error)}); write {form}") from None
    faults = [name for name, is_right in _check_card(card).items() if not is_right]
    if faults:
        raise UserError(f"{path}: {faults[0]!r} is {getattr(card, faults[0])!r}; write {form} (docs/clips.md)")
    return card


def _check_card(card: Card) -> dict[str, bool]:
    """Entry -> whether it can be."""

    def are_numbers(values: Any, count: int, kinds: tuple[type, ...], least: float) -> bool:
        if not isinstance(values, tuple) or len(values) != count:
            return False
        return all(type(value) in kinds and least <= value <= 10_000 for value in values)

    return {
        "reads": card.reads in _KINDS,
        "input": isinstance(card.input, str) and bool(card.input),
        "output": isinstance(card.output, str),
        "rate": type(card.rate) is int and 1000 <= card.rate <= 192_000,
        "size": are_numbers(card.size, 2, (int,), 1),
        "layout": card.layout in _LAYOUTS,
        "mean": are_numbers(card.mean, 3, (int, float), -1000),
        "std": are_numbers(card.std, 3, (int, float), 1e-6),
        "pooling": card.pooling in _POOLING,
    }


def encode_sound(network: Network, samples: np.ndarray, rate: int) -> np.ndarray:
    """float32 [T, D] of one recording; T is 1 where the network or the pooling gives one vector.

    Args:
      network: that reads sound.
      samples: float32 [S].
      rate: of them, in Hz; the network gets its own.

    Raises:
      UserError: the network refuses it, or its output has another form.
    """
    if rate != network.card.rate:
        samples = audio.resample_audio(Sound(samples, rate), network.card.rate)
    rank = len(_find_input(network).shape)
    if not 1 <= rank <= 3:
        raise UserError(f"{network.path} has an input of {rank} axes, expected [S], [1, S] or [1, 1, S] of sound")
    values = _run(network, samples.astype(np.float32).reshape((1,) * (rank - 1) + (-1,)))
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    values = values[None] if values.ndim == 1 else values
    if values.ndim != 2:
        raise _make_shape_error(network, values, "[1, T, D] or [1, D]")
    return values.mean(axis=0, keepdims=True) if network.card.pooling == "mean" else values


def encode_pictures(network: Network, images: Sequence[np.ndarray]) -> np.ndarray:
    """float32 [N, D] of N pictures, uint8 [H, W, 3] each.

    Raises:
      UserError: the network refuses them, or its output has another form.
    """
    card = network.card
    pixels = np.stack([_prepare(image, card) for image in images])
    if card.layout == "NCHW":
        pixels = pixels.transpose(0, 3, 1, 2)
    is_single = _find_input(network).shape[:1] == [1]  # exported for one picture
    batches = [pixels[i : i + 1] for i in range(len(pixels))] if is_single else [pixels]
    values = np.concatenate([_run(network, np.ascontiguousarray(batch)) for batch in batches])
    if card.pooling == "mean" and values.ndim == 4:
        values = values.mean(axis=(2, 3) if card.layout == "NCHW" else (1, 2))
    elif card.pooling == "mean" and values.ndim == 3:
        values = values.mean(axis=1)
    values = values.reshape(len(values), -1) if values.ndim == 4 and values[0].size == max(values.shape[1:]) else values
    if values.ndim != 2 or len(values) != len(images):
        raise _make_shape_error(network, values, "[N, D], or others with pooling 'mean'")
    return values


def _prepare(image: np.ndarray, card: Card) -> np.ndarray:
    """float32 [H, W, 3] of the network's size and scale."""
    height, width = card.size
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return ((np.asarray(resized, np.float32) / 255 - np.float32(card.mean)) / np.float32(card.std)).astype(np.float32)


def _make_shape_error(network: Network, values: np.ndarray, expected: str) -> UserError:
    return UserError(f"{network.path} gives {list(values.shape)}, expected {expected}; name another output in its json")


def _find_input(network: Network) -> Any:
    return next(one for one in network.session.get_inputs() if one.name == network.card.input)


def _run(network: Network, values: np.ndarray) -> np.ndarray:
    try:
        (output,) = network.session.run([network.card.output or _name_first(network)], {network.card.input: values})
    except Exception as error:  # onnxruntime's own types are many
        raise UserError(
            f"{network.path} cannot read {list(values.shape)} ({first_line(error)}); correct its json"
        ) from error
    output = np.asarray(output, np.float32)
    if not np.isfinite(output).all():
        raise UserError(f"{network.path} gives NaN or infinite values; check the network")
    return output


def _name_first(network: Network) -> str:
    return network.session.get_outputs()[0].name
