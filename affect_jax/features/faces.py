"""Faces in pictures: found, followed through a clip, cut out upright; landmarks and geometric features of them.

The detector is dlib's (extra `faces`): histograms of oriented gradients under a sliding window (Dalal and Triggs, 2005;
King, arXiv:1502.00046), which is in its wheel and needs no file. Landmarks come from a file of dlib's for 68 points
(Kazemi and Sullivan, 2014), which the user names. docs/clips.md says what was tried beside it.
"""

import functools
import importlib.util
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from affect_jax.errors import MissingPackageError, UserError, first_line
from affect_jax.features.video import Picture

SIDE = 224
"""Pixels of the sides of a face that is cut out."""
GEOMETRY_WIDTH = 316
_LONGEST = 640
"""Pixels of the longer side of a picture in which faces are looked for; larger ones are reduced."""
_SMALL = 480
"""Pixels of the longer side below which pictures are enlarged, since faces of less than 80 pixels are not found."""
_MARGIN = 1.3
"""What is cut out, as a multiple of the detector's box."""
_EYES = 0.36
"""Distance of the eyes and their height in an aligned face, as shares of its side."""
_OVERLAP = 0.2
"""Intersection over union from which on a face is that of the picture before."""
_ALL_POINTS, _JAW, _INNER_CORNERS = 68, 17, (60, 64)
_RIGHT_EYE, _LEFT_EYE = slice(19, 25), slice(25, 31)
_STABLE = (10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 22, 25, 28)
"""Of the 49 points: the nose and the corners of the eyes, which expressions move least (Valstar et al., 2016)."""
_GROUPS = ((*range(5), *range(19, 25)), (*range(5, 10), *range(25, 31)), tuple(range(31, 49)))
"""Brow and eye of either side, and the mouth."""
# Where the 49 points of a calm face lie, in distances of the eyes from the middle between these. It only says what
# coordinates are differences from: one face's landmarks, averaged with their mirror image.
_HALF = {
    0: (-0.892, -0.187), 1: (-0.793, -0.356), 2: (-0.614, -0.414), 3: (-0.417, -0.399), 4: (-0.248, -0.304),
    10: (0, -0.032), 11: (0, 0.158), 12: (0, 0.351), 13: (0, 0.537), 14: (-0.25, 0.632), 15: (-0.132, 0.677),
    16: (0, 0.715), 19: (-0.669, 0.008), 20: (-0.565, -0.062), 21: (-0.437, -0.059), 22: (-0.317, 0.025),
    23: (-0.439, 0.042), 24: (-0.572, 0.045), 31: (-0.418, 0.998), 32: (-0.27, 0.955), 33: (-0.114, 0.933),
    34: (0, 0.96), 40: (0, 1.156), 41: (-0.116, 1.146), 42: (-0.268, 1.097), 43: (-0.114, 1.015), 44: (0, 1.029),
    47: (0, 1.029), 48: (-0.114, 1.021),
}  # fmt: skip
_MIRRORED = {
    5: 4, 6: 3, 7: 2, 8: 1, 9: 0, 17: 15, 18: 14, 25: 22, 26: 21, 27: 20, 28: 19, 29: 24, 30: 23, 35: 33, 36: 32,
    37: 31, 38: 42, 39: 41, 45: 43, 46: 48,
}  # fmt: skip


class Face(NamedTuple):
    """A face in a picture.

    Attributes:
      box: left, top, right, bottom in pixels.
      confidence: the detector's score, above 0.
    """

    box: tuple[float, float, float, float]
    confidence: float


class SeenFace(NamedTuple):
    """The face of a clip at a time.

    Attributes:
      time: in seconds.
      image: the picture that it is in, uint8 [H, W, 3].
      face: where it is.
    """

    time: float
    image: np.ndarray
    face: Face


def find_faces(image: np.ndarray) -> list[Face]:
    """The faces in a picture, the most certain one first.

    Args:
      image: uint8 [H, W, 3].

    Raises:
      UserError: dlib is not installed.
    """
    longer = max(image.shape[:2])
    scale = min(1.0, _LONGEST / longer)
    if scale < 1:
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    boxes, scores, _ = _get_detector().run(np.ascontiguousarray(image), int(longer < _SMALL), 0.0)
    return [
        Face((b.left() / scale, b.top() / scale, (b.right() + 1) / scale, (b.bottom() + 1) / scale), float(score))
        for b, score in zip(boxes, scores, strict=True)
    ]


def measure_confidence(face: Face) -> float:
    """The detector's score s above its threshold as a number from 0 to 1, 1 - exp(-s); it is no probability."""
    return 1.0 - math.exp(-max(face.confidence, 0.0))


def follow_face(pictures: Iterable[Picture]) -> Iterator[SeenFace]:
    """The face of a clip: of each picture the one that overlaps that of the last, or else the largest.

    Pictures without a face are left out.
    """
    last: Face | None = None
    for time, image in pictures:
        found = find_faces(image)
        if not found:
            continue
        near = max(found, key=lambda face: measure_overlap(face, last)) if last else None
        last = near if near and measure_overlap(near, last) > _OVERLAP else max(found, key=_measure_area)
        yield SeenFace(time, image, last)


def cut_face(seen: SeenFace, points: np.ndarray | None = None) -> np.ndarray:
    """The face, uint8 [224, 224, 3]: a square around the detector's box, or, by its landmarks, with the eyes level.

    Args:
      seen: the face.
      points: its landmarks in the picture, float [49, 2]; None where there are none.
    """
    left, top, right, bottom = seen.face.box
    side = _MARGIN * max(right - left, bottom - top)
    x, y, angle = (left + right) / 2, (top + bottom) / 2, 0.0
    if points is not None:
        first, second = points[_RIGHT_EYE].mean(0), points[_LEFT_EYE].mean(0)
        across = second - first
        angle, side = math.atan2(across[1], across[0]), max(float(np.hypot(*across)), 1.0) / _EYES
        down = (0.5 - _EYES) * side
        x, y = (first + second) / 2 + down * np.array([-math.sin(angle), math.cos(angle)])
    image, reduced = Image.fromarray(seen.image), max(1, int(side / SIDE / 1.5))
    image = image.reduce(reduced) if reduced > 1 else image
    scale, cos, sin = side / SIDE / reduced, math.cos(angle), math.sin(angle)
    x, y, middle = x / reduced, y / reduced, SIDE / 2
    matrix = (
        scale * cos, -scale * sin, x - scale * (cos - sin) * middle,
        scale * sin, scale * cos, y - scale * (sin + cos) * middle,
    )  # fmt: skip
    return np.asarray(image.transform((SIDE, SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))


def read_landmark_model(path: Path) -> Any:
    """Reads a shape predictor of dlib's with 68 points.

    Raises:
      UserError: it is missing, damaged or another file, or dlib is not installed.
    """
    dlib = _get_dlib()
    if not path.is_file():
        raise UserError(f"{path} is not a file; name dlib's shape_predictor_68_face_landmarks.dat")
    try:
        model = dlib.shape_predictor(str(path))
        count = model(np.zeros((64, 64, 3), np.uint8), dlib.rectangle(8, 8, 55, 55)).num_parts
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{path} is no shape predictor of dlib's ({first_line(error)}); copy it again") from error
    if count != _ALL_POINTS:
        raise UserError(
            f"{path} has {count} points, expected {_ALL_POINTS}; name shape_predictor_68_face_landmarks.dat"
        )
    return model


def find_landmark_model() -> Path:
    """The file that the package face_recognition_models brings.

    Raises:
      UserError: it is not installed.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "models" / "shape_predictor_68_face_landmarks.dat"
        if path.is_file():
            return path
    raise UserError(
        "landmarks need dlib's file of 68 points, which is not installed: pip install face_recognition_models (126 MB; "
        "trained on 300-W, for research), or name it, as in landmarks:shape_predictor_68_face_landmarks.dat"
    )


def find_landmarks(model: Any, seen: SeenFace) -> np.ndarray:
    """The 49 points of a face in pixels, float64 [49, 2]: brows, nose, eyes and mouth, without the jaw."""
    box = _get_dlib().rectangle(*(round(edge) for edge in seen.face.box))
    points = np.array([(point.x, point.y) for point in model(seen.image, box).parts()], np.float64)
    return np.delete(points, (*range(_JAW), *_INNER_CORNERS), axis=0)


def compute_geometry(points: np.ndarray) -> np.ndarray:
    """Geometric features as in AVEC 2015 and 2016 (Ringeval et al., 2015, section 4.2; Valstar et al., 2016).

    Points are aligned with a fixed face by the nose and the corners of the eyes (turned, scaled and moved; the baseline
    takes the mean face of its training videos). Features: differences from that face (98) and from the picture before
    (98, 0 in the first); distances and angles of consecutive points of either eye with its brow and of the mouth (71);
    distances of all points from the median of the stable ones (49).

    Args:
      points: float [T, 49, 2] of the pictures of a clip that have a face.

    Returns:
      float32 [T, 316].
    """
    aligned = np.stack([_align(of_picture) for of_picture in points]) if len(points) else np.zeros((0, 49, 2))
    moved = np.diff(aligned, axis=0, prepend=aligned[:1])
    shapes = []
    for group in _GROUPS:
        steps = np.diff(aligned[:, group], axis=1)
        directions = np.arctan2(steps[..., 1], steps[..., 0])
        turns = np.diff(directions, axis=1)
        shapes += [np.hypot(steps[..., 0], steps[..., 1]), np.arctan2(np.sin(turns), np.cos(turns))]
    middle = np.median(aligned[:, _STABLE], axis=1, keepdims=True)
    flat = [(aligned - _FACE).reshape(len(aligned), -1), moved.reshape(len(aligned), -1)]
    distances = np.linalg.norm(aligned - middle, axis=2)
    return np.concatenate([*flat, *shapes, distances], axis=1).astype(np.float32)


def _make_face() -> np.ndarray:
    mirrored = {at: (-_HALF[of][0], _HALF[of][1]) for at, of in _MIRRORED.items()}
    return np.array([(_HALF | mirrored)[at] for at in range(49)])


_FACE = _make_face()


def _align(points: np.ndarray) -> np.ndarray:
    """The points turned, scaled and moved so that the stable ones are nearest to those of `_FACE` (least squares)."""
    source, target = points[_STABLE, :], _FACE[_STABLE, :]
    centre, goal = source.mean(0), target.mean(0)
    # As complex numbers, turning and scaling is a product.
    a, b = ((values - mean) @ np.array([1, 1j]) for values, mean in ((source, centre), (target, goal)))
    factor = (a.conj() @ b) / max(float((a.conj() @ a).real), 1e-12)
    turned = ((points - centre) @ np.array([1, 1j])) * factor
    return np.stack([turned.real, turned.imag], axis=1) + goal


def _measure_area(face: Face) -> float:
    left, top, right, bottom = face.box
    return (right - left) * (bottom - top)


def measure_overlap(face: Face, other: Face | None) -> float:
    """Intersection over union."""
    if other is None:
        return 0.0
    a, b = face.box, other.box
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(across, 0.0) * max(down, 0.0)
    return common / (_measure_area(face) + _measure_area(other) - common)


def _get_dlib() -> Any:
    if importlib.util.find_spec("dlib") is None:
        raise MissingPackageError("faces are found by dlib, which is not installed: pip install 'affect-jax[faces]'")
    import dlib

    return dlib


@functools.cache
def _get_detector() -> Any:
    return _get_dlib().get_frontal_face_detector()
