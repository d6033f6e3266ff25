"""Samples as encoders of speech read them."""

from pathlib import Path

import numpy as np

from affect_jax.encoders.folder import read_config

SETTINGS = "preprocessor_config.json"
_EPSILON = 1e-7


def normalise_samples(samples: np.ndarray) -> np.ndarray:
    """float32 [S] with mean 0 and variance 1; silence stays 0."""
    centred = samples.astype(np.float32, copy=False) - samples.mean(dtype=np.float32)
    centred /= np.sqrt(np.square(centred).mean() + np.float32(_EPSILON))  # in place: an hour has 230 MB
    return centred


def read_normalises(folder: Path) -> bool:
    """Whether the encoder of a folder was trained on normalised samples (`do_normalize`); yes where no file says.

    Raises:
      UserError: the file is damaged.
    """
    return not (folder / SETTINGS).is_file() or read_config(folder, SETTINGS).read("do_normalize", True)
