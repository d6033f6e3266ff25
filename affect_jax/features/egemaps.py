"""eGeMAPS low-level descriptors by openSMILE, which is an extra with a licence for research and teaching only."""

import functools
import importlib.util
from typing import Any

import numpy as np

from affect_jax.errors import MissingPackageError, UserError

WIDTH = 25
"""Loudness, pitch, formants, jitter, shimmer, spectral slopes and four MFCC (Eyben et al., 2016; set v02)."""
SHORTEST = 0.06
"""Seconds; below it openSMILE has no window."""


@functools.cache
def _load_opensmile() -> Any:
    if importlib.util.find_spec("opensmile") is None:
        raise MissingPackageError(
            "eGeMAPS needs openSMILE, which is not installed: pip install 'affect-jax[opensmile]' (its licence is for"
            " research and teaching only)"
        )
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.LowLevelDescriptors)


def check_opensmile() -> None:
    """Checks that openSMILE is installed.

    Raises:
      UserError: it is not.
    """
    _load_opensmile()


def compute_descriptors(x: np.ndarray, rate: int) -> np.ndarray:
    """Computes descriptors, float32 [T, 25] with a row every 10 ms, of float [T] speech at `rate` Hz.

    Raises:
      UserError: openSMILE is not installed, or the speech is too short for one row.
    """
    if len(x) < SHORTEST * rate:
        raise UserError(f"eGeMAPS need 60 ms of speech or more; these are {len(x)} samples at {rate} Hz")
    values = _load_opensmile().process_signal(x, rate).to_numpy()
    if not np.isfinite(values).all():
        raise UserError(f"openSMILE finds no finite eGeMAPS in these {len(x)} samples at {rate} Hz; leave them out")
    return values.astype(np.float32)
