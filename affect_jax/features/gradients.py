"""Histograms of oriented gradients of a picture (Dalal and Triggs, 2005): features of pictures that need no weights."""

import numpy as np
from PIL import Image

_SIDE, _CELL, _BINS = 64, 16, 9
_CELLS = _SIDE // _CELL
WIDTH = (_CELLS - 1) ** 2 * 4 * _BINS
"""324."""
_CLIP, _EPSILON = 0.2, 1e-3


def compute_gradients(image: np.ndarray) -> np.ndarray:
    """Histograms of a picture's gradients, float32 [324].

    The picture becomes 64 by 64 grey values; cells of 16 by 16 count the directions of gradients in 9 bins by their
    lengths, and blocks of 2 by 2 cells are normalised, cut at .2 and normalised again (L2-Hys).

    Args:
      image: uint8 [H, W, 3].
    """
    grey = np.asarray(Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR), np.float32)
    down, across = np.gradient(grey / 255)
    length = np.hypot(across, down)
    place = np.arctan2(down, across) % np.pi * (_BINS / np.pi)
    lower = np.floor(place)
    share = place - lower
    cells = np.zeros((_CELLS, _CELLS, _BINS), np.float32)
    rows, columns = np.indices(grey.shape) // _CELL
    for numbers, weights in ((lower, 1 - share), (lower + 1, share)):
        np.add.at(cells, (rows, columns, numbers.astype(int) % _BINS), length * weights)
    blocks = np.stack([cells[i : i + _CELLS - 1, j : j + _CELLS - 1] for i in (0, 1) for j in (0, 1)], axis=2)
    blocks = blocks.reshape((_CELLS - 1) ** 2, -1)
    return _normalise(np.minimum(_normalise(blocks), _CLIP)).ravel()


def _normalise(blocks: np.ndarray) -> np.ndarray:
    return (blocks / np.sqrt(np.square(blocks).sum(1, keepdims=True) + _EPSILON**2)).astype(np.float32)
