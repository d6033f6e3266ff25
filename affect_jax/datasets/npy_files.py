"""Reads npy files strictly: mapped into memory, never unpickled, of a known shape, finite."""

from pathlib import Path

import numpy as np

from affect_jax.datasets.release_files import convert_to_float32, require_file
from affect_jax.errors import UserError
from affect_jax.runtime.file_kinds import name_file


def open_array(path: Path, shape: tuple[int | None, ...]) -> np.ndarray:
    """Maps the file into memory, read-only; reads nothing yet.

    Args:
      path: an npy file of numbers.
      shape: the expected shape; None stands for any length.

    Raises:
      UserError: the file is missing, pickled, cut short, of another shape, or not of numbers.
    """
    values = map_array(path)
    if values.ndim != len(shape) or any(
        want not in (None, have) for want, have in zip(shape, values.shape, strict=True)
    ):
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise UserError(f"{path} has the shape {list(values.shape)}, expected [{wanted}]; copy or compute it again")
    return values


def map_array(path: Path) -> np.ndarray:
    """`open_array` for any shape."""
    require_file(path, "a file of the corpus")
    kind = name_file(path)
    if kind and kind != "an npy array" and not kind.startswith("a pickle"):
        raise UserError(f"{path} is {kind}, although it is called npy; save it again with numpy.save")
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python, and raises many types for a damaged one
        reason = " ".join(str(error).split())[:200]
        is_pickled = kind.startswith("a pickle") or "Python objects" in reason
        reason = reason if is_pickled or kind else "it does not begin as one"
        fault = (
            "holds pickled objects, which could run code and are never loaded" if is_pickled else "is not a whole npy"
        )
        raise UserError(f"{path} {fault} ({reason}); save it again as an array of numbers with numpy.save") from error
    if path.stat().st_size != values.offset + values.nbytes:
        raise UserError(
            f"{path} has {path.stat().st_size - values.offset} bytes behind its header, which announces {values.nbytes}"
            f" of type {values.dtype.str}, expected as many; the header may be damaged: save it again"
        )
    # A bit of a little endian header makes it a big endian one, and other numbers.
    if values.dtype.byteorder == ">":
        raise UserError(
            f"{path} is big endian ({values.dtype.str}) by its header, which cannot be told from a damaged one; save it"
            " again as array.astype('float32')"
        )
    if values.dtype.kind not in "fiu":
        raise UserError(f"{path} is an array of {values.dtype}, expected numbers; save it again")
    return values


def require_whole_numbers(values: np.ndarray, path: Path) -> np.ndarray:
    """int64 of whole numbers from 0 on, whatever type they are stored in.

    Raises:
      UserError: a value that is negative or not whole.
    """
    numbers = np.asarray(values)
    is_wrong = ~np.isfinite(numbers) | (numbers < 0) | (numbers != np.rint(numbers))
    if is_wrong.any():
        raise UserError(f"{path} has the value {numbers[is_wrong][0]}, expected whole numbers from 0 on; copy it again")
    return numbers.astype(np.int64)


def require_finite(values: np.ndarray, where: str) -> np.ndarray:
    """float32 [T, D] in memory.

    Raises:
      UserError: T is 0, or a value is NaN or infinite; `where` names the array.
    """
    numbers = convert_to_float32(values)
    if not len(numbers):
        raise UserError(f"{where} has no steps (zero length); correct the file or take the utterance out of the corpus")
    is_bad = ~np.isfinite(numbers)
    if is_bad.any():
        step, column = np.argwhere(is_bad)[0].tolist()
        raise UserError(
            f"{where} has {int(is_bad.sum())} NaN or infinite values, the first at step {step} column {column} (from"
            " 0); correct the file or compute it again"
        )
    return np.ascontiguousarray(numbers)
