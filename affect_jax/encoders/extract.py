"""Features of many recordings, texts or images by one encoder: batches of like lengths, few compiled shapes."""

import functools
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from affect_jax.encoders import images, pieces, resnet, sound, speech, windows, words
from affect_jax.encoders.families import Encoder
from affect_jax.encoders.folder import find_folder, load_encoder
from affect_jax.encoders.strided import Moments
from affect_jax.errors import UserError

MEAN = "mean"
LONGEST = 60
"""Seconds that are encoded as a whole: attention over more takes memory with the square of them."""
CONTEXT = 10
"""Seconds before and behind each window of a longer recording, whose features are left out."""
_VERSION = 3
"""To be raised whenever the same weights give other features."""
_TOGETHER = 40
"""Seconds of sound, with padding, that are encoded at once."""
_GROWTH = 1.25
_TEXTS = 32
_IMAGES = 32


class Extractor(NamedTuple):
    """An encoder, and what of it is taken.

    Attributes:
      encoder: with its weights.
      layer: number of the state of `states` that is taken, or 'mean' of all, or 'last', the output.
      normalises: whether samples are normalised.
      tokenizer: of words; None of sound and images.
      prepares: how images are prepared; None of sound and words.
      identity: a hash of weights, settings and layer: equal ones give equal features.
    """

    encoder: Encoder
    layer: str
    normalises: bool
    tokenizer: Any
    prepares: images.ImageSettings | None
    identity: str


def load_extractor(source: str, *, in_bfloat16: bool = False) -> Extractor:
    """Loads an extractor.

    Args:
      source: as `folder.load_encoder` takes it; of sound and words also `SOURCE@8` for the state behind the eighth
        layer, `SOURCE@0` for what the first one reads, `SOURCE@mean` for the mean of all.
      in_bfloat16: weights, and what passes between layers, are bfloat16: half the memory and, on accelerators, several
        times the speed. Softmaxes, norms' moments and the features that come out are float32.

    Raises:
      UserError: it cannot be loaded, has no such layer, or has no states of single words.
    """
    name, at, layer = source.rpartition("@")
    name, layer = (name, layer) if at else (source, "last")
    extractor = _load(source, name, layer)
    return _round_weights(extractor) if in_bfloat16 else extractor


def _load(source: str, name: str, layer: str) -> Extractor:
    if name.partition(":")[0] in resnet.DEPTHS:
        _check_layer(source, layer, 0)
        encoder = load_encoder(name)
        return Extractor(encoder, layer, False, None, images.TORCHVISION, _identify(encoder, (), layer))
    folder = find_folder(name)
    encoder = load_encoder(str(folder))
    _check_layer(source, layer, 0 if encoder.kind == "images" else encoder.model.sizes.layers)
    if encoder.kind == "words" and not isinstance(encoder.model, words.Words):
        raise UserError(f"{name} is CLIP's tower of texts, which gives no states of single words; name BERT or RoBERTa")
    tokenizer = pieces.read_tokenizer(folder) if encoder.kind == "words" else None
    normalises = encoder.kind == "sound" and sound.read_normalises(folder)
    prepares = images.read_image_settings(folder) if encoder.kind == "images" else None
    identity = _identify(encoder, (folder / sound.SETTINGS, folder / pieces.FILE), layer)
    return Extractor(encoder, layer, normalises, tokenizer, prepares, identity)


def _round_weights(extractor: Extractor) -> Extractor:
    """The same with weights in bfloat16, which decide in what precision layers compute."""

    def round_leaf(leaf: np.ndarray) -> np.ndarray:
        return leaf.astype(jnp.bfloat16) if np.issubdtype(leaf.dtype, np.floating) else leaf

    encoder = extractor.encoder
    variables = {**encoder.variables, "params": jax.tree.map(round_leaf, encoder.variables["params"])}
    identity = hashlib.sha256(f"{extractor.identity} bfloat16".encode()).hexdigest()
    return extractor._replace(encoder=encoder._replace(variables=variables), identity=identity)


def _round_inputs(variables: Any, inputs: jax.Array) -> jax.Array:
    """Samples or pixels in the precision of the weights; numbers of word pieces stay."""
    precision = jax.tree.leaves(variables["params"])[0].dtype
    return inputs.astype(precision) if jnp.issubdtype(inputs.dtype, jnp.floating) else inputs


def _check_layer(source: str, layer: str, count: int) -> None:
    """Checks that there is such a layer; of images (`count` 0) only the output is taken."""
    if layer == "last" or (count and (layer == MEAN or (layer.isdecimal() and int(layer) <= count))):
        return
    if layer == "learned":
        raise UserError(
            f"{source} asks for learned weights over layers, which are trained with a model and are no features; name "
            f"a layer or {MEAN} here, or train with configs/speech_emotion.py:wav2vec2 or configs/sentiment.py and "
            "--config.model.encoder.layer=learned"
        )
    known = f"there are 0 to {count}, or {MEAN}; name one" if count else "of images the output is taken; leave it out"
    raise UserError(f"{source} asks for the layer {layer!r}, but {known}")


def encode_pictures(extractor: Extractor, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Features of pictures: CLIP's embedding (or pooled state), the mean over the picture of a ResNet.

    Args:
      extractor: of images.
      pictures: uint8 [H, W, 3] each, of any sizes.

    Returns:
      float32 [T, D].
    """
    variables = jax.device_put(extractor.encoder.variables)
    features = []
    for begin in range(0, len(pictures), _IMAGES):
        batch = [images.prepare_image(image, extractor.prepares) for image in pictures[begin : begin + _IMAGES]]
        stacked = np.zeros((_count_rows(_IMAGES, len(pictures)), *batch[0].shape), np.float32)
        stacked[: len(batch)] = batch
        features.append(np.asarray(_encode_images(extractor.encoder.model, variables, stacked))[: len(batch)])
    return np.concatenate(features)


@functools.partial(jax.jit, static_argnums=0)
def _encode_images(model: nn.Module, variables: Any, batch: jax.Array) -> jax.Array:
    outputs = model.apply(variables, _round_inputs(variables, batch))
    if isinstance(outputs, dict):
        features = outputs["features"]
    else:
        features = outputs.pooled if outputs.embedding is None else outputs.embedding
    return features.astype(jnp.float32)


def extract_sounds(
    extractor: Extractor, lengths: Sequence[int], read: Callable[[int], np.ndarray]
) -> Iterator[tuple[int, np.ndarray]]:
    """Features of recordings, in batches of like lengths.

    Args:
      extractor: of sound.
      lengths: samples of each recording at 16 kHz.
      read: number of a recording -> its samples, float32 [S].

    Recordings of more than `LONGEST` seconds are encoded in windows, see `extract_windows`.

    Yields:
      Number of a recording and its features, float32 [T, D], one every 20 ms.
    """
    variables = jax.device_put(extractor.encoder.variables)
    for number, length in enumerate(lengths):
        if length > LONGEST * speech.RATE:
            samples = sound.normalise_samples(read(number)) if extractor.normalises else read(number)
            yield number, extract_windows(extractor, variables, samples, LONGEST, CONTEXT)
    short = {number: length for number, length in enumerate(lengths) if length <= LONGEST * speech.RATE}
    for size, numbers in _group_by_size(short):
        rows = _count_rows(max(1, int(_TOGETHER * 16_000 / size)), len(numbers))
        for begin in range(0, len(numbers), rows):
            batch = numbers[begin : begin + rows]
            samples, mask = np.zeros((rows, size), np.float32), np.zeros((rows, size), bool)
            for row, number in enumerate(batch):
                clip = read(number)
                samples[row, : len(clip)] = sound.normalise_samples(clip) if extractor.normalises else clip
                mask[row, : len(clip)] = True
            # To the host as a whole: a piece of an array on a device is a program for each length.
            states, valid = jax.device_get(_encode(extractor.encoder.model, extractor.layer, variables, samples, mask))
            for row, number in enumerate(batch):
                # A copy, as whoever keeps a view keeps the whole batch.
                yield number, states[row, : valid[row].sum()].copy()


def extract_windows(
    extractor: Extractor, variables: Any, samples: np.ndarray, window: float, context: float
) -> np.ndarray:
    """Features of a long recording, float32 [T, D], in windows that overlap, so that memory does not grow with it.

    Steps are those of the whole recording, and so are the moments over time by which some encoders normalise. But a
    window attends to itself alone: steps near its ends are left out, where the recording goes on, and those of its
    middle know `context` seconds or more on either side.

    Args:
      extractor: of sound.
      variables: of its encoder, on the device.
      samples: float32 [S], normalised as a whole where the encoder asks for it.
      window: seconds of a window, about.
      context: seconds at either end whose features are left out.
    """
    model = extractor.encoder.model
    plan = windows.plan_windows(model.sizes, len(samples), round(window * speech.RATE), round(context * speech.RATE))
    moments = windows.measure_moments(model.sizes, variables, samples)
    features: np.ndarray | None = None
    for one in plan.windows:
        padded, mask = windows.cut_window(samples, one, plan.size)
        states = jax.device_get(_encode(model, extractor.layer, variables, padded, mask, moments)[0])
        if features is None:
            features = np.empty((plan.steps, states.shape[-1]), np.float32)
        features[one.first : one.last] = states[0, one.first - one.start : one.last - one.start]
    return features


def check_length(samples: int, name: str) -> None:
    """Checks that a recording is not too short for a step.

    Raises:
      UserError: it is.
    """
    if samples < 400:
        raise UserError(f"{name} has {samples / 16:.0f} ms, too short for an encoder of speech (25 ms); leave it out")


def extract_words(extractor: Extractor, texts: Sequence[Sequence[str]]) -> Iterator[tuple[int, np.ndarray]]:
    """Features of texts.

    Yields:
      Number of a text and its features, float32 [words, D]: the mean over the pieces of each word.
    """
    variables = jax.device_put(extractor.encoder.variables)
    longest = extractor.encoder.model.sizes.longest
    cut = [pieces.split_into_pieces(extractor.tokenizer, text, longest) for text in texts]
    parts = [(number, part) for number, own in enumerate(cut) for part in own]
    found: dict[int, np.ndarray] = {}
    left = {number: len(own) for number, own in enumerate(cut)}
    sizes = [min(longest, 1 << max(4, (len(part.numbers) - 1).bit_length())) for _, part in parts]
    for size in sorted(set(sizes)):
        same = [at for at, own in enumerate(sizes) if own == size]
        rows = _count_rows(_TEXTS, len(same))
        for begin in range(0, len(same), rows):
            batch = [parts[at] for at in same[begin : begin + rows]]
            numbers, mask = np.zeros((rows, size), np.int32), np.zeros((rows, size), bool)
            for row, (_, part) in enumerate(batch):
                numbers[row, : len(part.numbers)] = part.numbers
                mask[row, : len(part.numbers)] = True
            states = jax.device_get(_encode(extractor.encoder.model, extractor.layer, variables, numbers, mask)[0])
            for row, (number, part) in enumerate(batch):
                own = states[row, : len(part.numbers)]
                # No word is in two parts, so their sum has each word's features.
                found[number] = found.get(number, 0) + pieces.average_over_words(own, part, len(texts[number]))
                left[number] -= 1
                if not left[number]:
                    yield number, found.pop(number)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _encode(
    model: nn.Module, layer: str, variables: Any, inputs: jax.Array, mask: jax.Array, moments: Moments | None = None
) -> tuple[jax.Array, jax.Array]:
    of_whole = {} if moments is None else {"moments": moments}
    outputs = model.apply(variables, _round_inputs(variables, inputs), mask, **of_whole)
    if layer == "last":
        states = outputs.last
    elif layer == MEAN:
        states = jnp.stack(outputs.states).mean(axis=0, dtype=jnp.float32)
    else:
        states = outputs.states[int(layer)]
    return states.astype(jnp.float32), getattr(outputs, "mask", mask)


def _count_rows(most: int, count: int) -> int:
    """Rows of a batch: `most`, or for fewer examples the next power of two, as there are few of these to compile."""
    return min(most, 1 << (count - 1).bit_length())


def _group_by_size(lengths: Mapping[int, int]) -> Iterator[tuple[int, list[int]]]:
    """Padded length -> numbers of recordings; padded lengths grow by equal factors, so there are few of them."""
    groups: dict[int, list[int]] = {}
    for number, length in lengths.items():
        size = 16_000
        while size < length:
            size = int(size * _GROWTH)
        groups.setdefault(size, []).append(number)
    yield from sorted(groups.items())


def _identify(encoder: Encoder, settings: Sequence[Path], layer: str) -> str:
    digest = hashlib.sha256(f"{_VERSION} {encoder.model!r} {layer}".encode())
    for leaf in jax.tree_util.tree_leaves(encoder.variables):
        digest.update(leaf)
    for path in settings:
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()
