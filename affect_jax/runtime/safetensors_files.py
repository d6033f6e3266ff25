"""Files of safetensors: plain arrays by name, of which nothing can run code (huggingface.co/docs/safetensors)."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import ml_dtypes
import numpy as np

from affect_jax.errors import UserError, first_line
from affect_jax.runtime.files import write_atomic

SUFFIX = ".safetensors"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Reads every array of a safetensors file; bfloat16 becomes float32.

    Raises:
      UserError: it is missing, pickled or damaged.
    """
    import safetensors.numpy  # here, as most programs read none

    if path.suffix.lower() in _PICKLED:
        script = "import torch; from safetensors.torch import save_file; "
        script += f"save_file(torch.load({str(path)!r}, weights_only=True), {str(path.with_suffix(SUFFIX))!r})"
        raise UserError(
            f"{path} is pickled, which can run code, so it is not read; where PyTorch is, `python -c "
            f"{shlex.quote(script)}` converts it"
        )
    if not path.is_file():
        raise UserError(f"{path} is missing; give a safetensors file")
    try:
        arrays = safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is cut short or no safetensors file ({first_line(error)}); copy it again") from None
    return {name: x.astype(np.float32) if x.dtype == ml_dtypes.bfloat16 else x for name, x in arrays.items()}


def write_safetensors(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a safetensors file, whole or not at all."""
    import safetensors.numpy

    write_atomic(path, safetensors.numpy.save({name: np.ascontiguousarray(x) for name, x in arrays.items()}))
