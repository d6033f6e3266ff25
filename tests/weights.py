"""Weights for tests that need some, whatever they are: drawn by numpy, as jax's initialisers take long to compile."""

import jax
import numpy as np


def draw_weights(shapes, draw):
    """A tree of arrays or of their shapes -> float32 arrays of these shapes within -.7 and .7, by numpy's `draw`."""
    return jax.tree.map(lambda p: draw.uniform(-0.7, 0.7, p.shape).astype(np.float32), shapes)
