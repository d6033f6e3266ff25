"""State dicts on disk: npz and safetensors, both plain arrays by name; nothing in them can run code."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from affect_jax.convert.folder import read_arrays
from affect_jax.runtime import run_folder
from affect_jax.runtime.safetensors_files import SUFFIX, read_safetensors, write_safetensors


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Reads every array of an npz or safetensors file; bfloat16 becomes float32.

    Raises:
      UserError: the file is missing, damaged, or of another kind.
    """
    return read_safetensors(path) if path.suffix.lower() == SUFFIX else read_arrays(path)


def write_state_dict(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a safetensors file, or an npz where `path` has another suffix, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write = write_safetensors if path.suffix.lower() == SUFFIX else run_folder.write_arrays
    write(path, arrays)
