"""Extractors by name: what makes features of sound, words or pictures.

| kind | names |
| --- | --- |
| sound | mfcc, log_mel, egemaps, an encoder of speech |
| words | glove:FILE, wordllama, an encoder of words |
| pictures | hog, resnet101:FILE (also 18, 50), an encoder of images; faces+ before any of them, landmarks |
| sound or pictures | onnx:FILE |

`bfloat16:` before the name of an encoder has it compute in bfloat16.
"""

import functools
import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from affect_jax.encoders import extract, static_words
from affect_jax.errors import UserError
from affect_jax.extraction import onnx_models
from affect_jax.extraction.steps import NO_TIMES, Steps
from affect_jax.features import audio, egemaps, faces, gradients, text
from affect_jax.features.transcripts import Word
from affect_jax.features.video import Picture
from affect_jax.runtime import files

RATE = 16_000
"""Hz at which extractors hear recordings."""
_VERSION = 2
"""To be raised whenever an extractor gives other numbers: what is kept is then not used."""
_SOUNDS = {"mfcc": audio.compute_mfcc, "log_mel": audio.compute_log_mel, "egemaps": egemaps.compute_descriptors}
_STEP = 0.01
"""Seconds between two steps of these."""
_FACES, _LANDMARKS, _GRADIENTS, _GLOVE, _WORDLLAMA = "faces", "landmarks", "hog", "glove", "wordllama"
_ONNX = "onnx"
_BFLOAT16 = "bfloat16"
_BATCH = 32
_PACES = {
    **dict(mfcc=0.002, log_mel=0.0015, egemaps=0.03),
    _GRADIENTS: 0.003,
    _LANDMARKS: 0.08,
    _FACES: 0.07,
    _WORDLLAMA: 1e-5,
}
"""`Source.pace`, measured here, with what decodes the files."""
_PER_PARAMETER = {"sound": 1.1e-9, "images": 1.7e-9, "words": 2.5e-11}
"""The same of an encoder, of each of its parameters: of wav2vec2-base, ResNet-101 and BERT-base (docs/encoders.md)."""

_OWN = (_FACES, _LANDMARKS, _GRADIENTS, _GLOVE, _WORDLLAMA, _ONNX)

Read = Callable[[int], np.ndarray]
"""Number of a recording -> its samples, float32 [S] at `RATE`."""
Numbered = tuple[int, Picture]
"""Number of a clip, and one of its pictures; those of a clip follow each other."""


class Source(NamedTuple):
    """An extractor.

    Attributes:
      kind: of what it reads: 'sound', 'words' or 'pictures'.
      name: as --features has it, with paths that hold in any folder.
      identity: a hash of its weights and settings: equal ones give equal features.
      compute: of sound (numbers of samples, `Read`), of words (texts), of pictures (stream of `Numbered`) -> numbers of
        recordings, texts or clips and their steps, in any order.
      check: of sound: raises UserError where a recording of so many samples, called so, cannot be read.
      batches: whether recordings of like lengths are computed together, which asks for all lengths before.
      pace: about how many seconds two cores of a CPU take for a second of sound, a picture or a word; None where nobody
        knows, as of a network of the user's.
    """

    kind: str
    name: str
    identity: str
    compute: Callable[..., Iterator[tuple[int, Steps]]]
    check: Callable[[int, str], None] = lambda samples, name: None
    batches: bool = False
    pace: float | None = None


def load_source(name: str) -> Source:
    """Loads an extractor.

    Args:
      name: see the module, and `encoders.extract.load_extractor`.

    Raises:
      UserError: there is none of this name, its file is missing or damaged, or a package is.
    """
    head, _, rest = name.partition("+")
    kind, _, file = head.partition(":")
    if kind == _FACES:
        return _load_faces(name, file, rest)
    if name in _SOUNDS:
        if name == "egemaps":
            egemaps.check_opensmile()
        compute = functools.partial(_compute_sounds, _SOUNDS[name])
        check = functools.partial(_check_length, name)
        return Source("sound", name, _identify(name, RATE), compute, check, pace=_PACES[name])
    if name == _GRADIENTS:
        compute = functools.partial(_compute_images, _compute_all_gradients)
        return Source("pictures", name, _identify(name), compute, pace=_PACES[name])
    if kind == _LANDMARKS:
        path = _resolve(file) if file else faces.find_landmark_model()
        model = faces.read_landmark_model(path)
        identity = _identify(name.partition(":")[0], files.hash_file(path))
        source = f"{_LANDMARKS}:{path}" if file else name
        compute = functools.partial(_compute_geometry, model)
        return Source("pictures", source, identity, compute, pace=_PACES[_LANDMARKS])
    if name == _WORDLLAMA:
        vectors = static_words.load_word_vectors()
        embed = functools.partial(static_words.embed_words, vectors)
        identity = _identify(name, vectors.identity)
        return Source("words", name, identity, functools.partial(_compute_words, embed), pace=_PACES[name])
    if kind == _GLOVE:
        path = _resolve(file)
        width = text.find_width(path)
        compute = functools.partial(_compute_glove, path, width)
        return Source("words", f"{_GLOVE}:{path}", _identify(_GLOVE, files.hash_file(path)), compute)
    if kind == _ONNX:
        return _load_onnx(file)
    if kind == _BFLOAT16:
        return _load_encoder(_name_encoder(name), in_bfloat16=True)
    return _load_encoder(name)


def _name_encoder(name: str) -> str:
    """The encoder behind `bfloat16:`.

    Raises:
      UserError: what stands there is no encoder.
    """
    inner = name.partition(":")[2]
    if not inner or inner in _SOUNDS or re.split("[:+]", inner)[0] in (*_OWN, _BFLOAT16):
        raise UserError(
            f"the extractor is {name!r}, but only encoders compute in {_BFLOAT16}; name one, such as "
            f"{_BFLOAT16}:DIR@8, faces+{_BFLOAT16}:resnet101:FILE"
        )
    return inner


def is_extractor(name: str) -> bool:
    """Whether a name is that of an extractor rather than of a folder of features."""
    head = name.partition("+")[0]
    if head.partition(":")[0] in (*_SOUNDS, *_OWN, _BFLOAT16) or re.fullmatch(r"resnet\d+:.+", head):
        return True
    folder, at, layer = name.rpartition("@")
    return any((_resolve(place) / "config.json").is_file() for place in (name, folder if at and layer else name))


def sign_source(name: str) -> str:
    """A hash of an extractor's name and of the size and time of the files that it names, without loading it."""
    pieces = [piece.removeprefix(f"{_BFLOAT16}:") for piece in name.split("+")]
    parts = [part for piece in pieces for part in (piece, piece.partition(":")[2], piece.rpartition("@")[0])]
    signs = [name, str(_VERSION)]
    for path in (_resolve(part) for part in parts if part):
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in (file for file in inside if file.is_file()):
            status = file.stat()
            signs.append(f"{file} {status.st_size} {status.st_mtime_ns}")
    return _identify(*signs)


def _load_onnx(file: str) -> Source:
    network = onnx_models.load_network(_resolve(file))
    name, identity = f"{_ONNX}:{network.path}", _identify(_ONNX, network.identity)
    if network.card.reads == "pictures":
        encode = functools.partial(onnx_models.encode_pictures, network)
        return Source("pictures", name, identity, functools.partial(_compute_images, encode))
    return Source("sound", name, identity, functools.partial(_compute_onnx, network))


def _compute_onnx(network: onnx_models.Network, lengths: Sequence[int], read: Read) -> Iterator[tuple[int, Steps]]:
    """Steps have the time of the middle of their share of the recording."""
    for number in range(len(lengths)):
        samples = read(number)
        values = onnx_models.encode_sound(network, samples, RATE)
        share = len(samples) / RATE / len(values)
        yield number, Steps(values, share * (np.arange(len(values)) + 0.5))


def _load_encoder(name: str, *, in_bfloat16: bool = False) -> Source:
    extractor = extract.load_extractor(_resolve_encoder(name), in_bfloat16=in_bfloat16)
    identity, encoder = _identify(extractor.identity), extractor.encoder
    pace = _PER_PARAMETER[encoder.kind] * sum(leaf.size for leaf in jax.tree.leaves(encoder.variables))
    name = (f"{_BFLOAT16}:" if in_bfloat16 else "") + _resolve_encoder(name)
    if encoder.kind == "sound":
        compute = functools.partial(_encode_sounds, extractor)
        return Source("sound", name, identity, compute, extract.check_length, batches=True, pace=pace)
    if encoder.kind == "words":
        return Source("words", name, identity, functools.partial(_encode_words, extractor), pace=pace)
    # Once, not for every batch.
    extractor = extractor._replace(encoder=encoder._replace(variables=jax.device_put(encoder.variables)))
    encode = functools.partial(extract.encode_pictures, extractor)
    return Source("pictures", name, identity, functools.partial(_compute_images, encode), pace=pace)


def _load_faces(name: str, file: str, rest: str) -> Source:
    """Extractors of the face alone; with a file of landmarks it is turned upright."""
    if not rest:
        raise UserError(f"the extractor {name!r} cuts out faces and makes nothing of them; name faces+hog, ...")
    inner = load_source(rest)
    if inner.kind != "pictures" or rest.partition(":")[0] in (_LANDMARKS, _FACES):
        raise UserError(f"the extractor is {name!r}, but {rest} does not read pictures of faces; leave out faces+")
    path = _resolve(file) if file else None
    model = faces.read_landmark_model(path) if path else None
    identity = _identify(_FACES, files.hash_file(path) if path else "", inner.identity)
    if not file:
        faces.find_faces(np.zeros((32, 32, 3), np.uint8))  # so that a missing package is told at once

    def compute(pictures: Iterable[Numbered]) -> Iterator[tuple[int, Steps]]:
        confidences: dict[int, list[float]] = {}
        for number, steps in inner.compute(_cut_faces(pictures, model, confidences)):
            yield number, steps._replace(confidence=np.array(confidences.pop(number)))

    pace = None if inner.pace is None else inner.pace + _PACES[_FACES]
    return Source("pictures", f"{_FACES}{f':{path}' if path else ''}+{inner.name}", identity, compute, pace=pace)


def _identify(*parts: object) -> str:
    return hashlib.sha256(" ".join(map(str, (_VERSION, *parts))).encode()).hexdigest()


def _resolve(file: str) -> Path:
    return files.expand_home(file).absolute()


def _resolve_encoder(name: str) -> str:
    """A name of an encoder whose path, if it is one, holds in any folder."""
    head, colon, file = name.partition(":")
    if colon and "/" not in head:
        return f"{head}:{_resolve(file)}"
    folder, at, layer = name.rpartition("@")
    folder, suffix = (folder, f"@{layer}") if at else (name, "")
    return f"{_resolve(folder)}{suffix}" if files.expand_home(folder).is_dir() else name


def _check_length(name: str, samples: int, file: str) -> None:
    least = egemaps.SHORTEST if name == "egemaps" else 0.025
    if samples < least * RATE:
        raise UserError(f"{file} has {samples / RATE * 1000:.0f} ms, too short for {name} ({1000 * least:g} ms)")


def _compute_sounds(
    compute: Callable[[np.ndarray, int], np.ndarray], lengths: Sequence[int], read: Read
) -> Iterator[tuple[int, Steps]]:
    for number in range(len(lengths)):
        values = compute(read(number), RATE)
        yield number, Steps(values, _STEP * np.arange(len(values)))


def _encode_sounds(extractor: extract.Extractor, lengths: Sequence[int], read: Read) -> Iterator[tuple[int, Steps]]:
    """Steps have the time of the middle of what they are of, as far as convolutions reach."""
    sizes = extractor.encoder.model.sizes
    width, stride = 1, 1
    for of_layer, by in zip(sizes.widths, sizes.strides, strict=True):
        width, stride = width + (of_layer - 1) * stride, stride * by
    for number, values in extract.extract_sounds(extractor, lengths, read):
        yield number, Steps(values, (width / 2 + stride * np.arange(len(values))) / RATE)


def _take_times(words: Sequence[Word]) -> np.ndarray:
    """The middle of each word, increasing; nothing where one has no time."""
    times = np.array([(word.start + word.end) / 2 for word in words])
    if not len(times) or not np.isfinite(times).all():
        return NO_TIMES
    # Words of overlapping cues may have one time, and clocks must increase.
    return np.maximum.accumulate(times) + 1e-6 * np.arange(len(times))


def _encode_words(extractor: extract.Extractor, texts: Sequence[Sequence[Word]]) -> Iterator[tuple[int, Steps]]:
    for number, values in extract.extract_words(extractor, [[word.text for word in words] for words in texts]):
        yield number, Steps(values, _take_times(texts[number]))


def _compute_words(
    embed: Callable[[Sequence[str]], np.ndarray], texts: Sequence[Sequence[Word]]
) -> Iterator[tuple[int, Steps]]:
    for number, words in enumerate(texts):
        yield number, Steps(embed([word.text for word in words]), _take_times(words))


def _compute_glove(path: Path, width: int, texts: Sequence[Sequence[Word]]) -> Iterator[tuple[int, Steps]]:
    """Words in lower case and cut as GloVe's are (do n't), so a word may have two steps; the file is read once."""
    cut = [[word._replace(text=part) for word in words for part in text.split_words(word.text)] for words in texts]
    vectors = text.read_glove(path, {word.text for words in cut for word in words}, width)
    for number, words in enumerate(cut):
        yield number, Steps(text.look_up_vectors([word.text for word in words], vectors, width), _take_times(words))


def _compute_images(
    encode: Callable[[Sequence[np.ndarray]], np.ndarray], pictures: Iterable[Numbered]
) -> Iterator[tuple[int, Steps]]:
    """Features of single pictures, in batches that reach over the ends of clips."""
    current: int | None = None
    done: list[tuple[float, np.ndarray]] = []
    iterator = iter(pictures)
    while batch := list(itertools.islice(iterator, _BATCH)):
        values = encode([picture.image for _, picture in batch])
        for (number, picture), features in zip(batch, values, strict=True):
            if number != current and done:
                yield current, _stack(done)
                done = []
            current = number
            done.append((picture.time, features))
    if done:
        yield current, _stack(done)


def _stack(done: Sequence[tuple[float, np.ndarray]]) -> Steps:
    times = np.array([time for time, _ in done])
    return Steps(np.stack([values for _, values in done]), times if np.isfinite(times).all() else NO_TIMES)


def _compute_all_gradients(images: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([gradients.compute_gradients(image) for image in images])


def _group(pictures: Iterable[Numbered]) -> Iterator[tuple[int, Iterator[Picture]]]:
    for number, own in itertools.groupby(pictures, key=lambda numbered: numbered[0]):
        yield number, (picture for _, picture in own)


def _cut_faces(pictures: Iterable[Numbered], model: Any, confidences: dict[int, list[float]]) -> Iterator[Numbered]:
    """The faces of clips; how certain they are is added to `confidences`."""
    for number, own in _group(pictures):
        for seen in faces.follow_face(own):
            confidences.setdefault(number, []).append(faces.measure_confidence(seen.face))
            points = None if model is None else faces.find_landmarks(model, seen)
            yield number, Picture(seen.time, faces.cut_face(seen, points))


def _compute_geometry(model: Any, pictures: Iterable[Numbered]) -> Iterator[tuple[int, Steps]]:
    for number, own in _group(pictures):
        seen = [(one.time, one.face, faces.find_landmarks(model, one)) for one in faces.follow_face(own)]
        if seen:
            times, found, points = zip(*seen, strict=True)
            values = faces.compute_geometry(np.stack(points))
            confidence = np.array([faces.measure_confidence(face) for face in found])
            yield number, _stack(list(zip(times, values, strict=True)))._replace(confidence=confidence)
