"""State dicts on disk: npz and safetensors, both plain arrays by name; nothing in them can run code.

A safetensors file is the length of its header (8 bytes, little endian), the header in JSON (name -> `dtype`, `shape`,
`data_offsets`) and the arrays' bytes (https://github.com/huggingface/safetensors#format).
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.convert.folder import read_arrays
from affect_jax.errors import UserError
from affect_jax.runtime import files, run_folder

SUFFIX = ".safetensors"
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "BOOL": "?",
    **{f"{sign}{8 * size}": f"<{sign.lower()}{size}" for sign in "IU" for size in (1, 2, 4, 8)},
}
_NAMES = {np.dtype(form): name for name, form in _DTYPES.items() if name != "BF16"}
_LONGEST_HEADER = 100_000_000
"""Bytes; the format's own bound."""


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Reads every array of an npz or safetensors file; bfloat16 becomes float32.

    Raises:
      UserError: the file is missing, damaged, or of another kind.
    """
    if path.suffix.lower() != SUFFIX:
        return read_arrays(path)
    if not path.is_file():
        raise UserError(f"{path} is missing; give a file of named arrays, npz or safetensors")
    content = path.read_bytes()
    start, header = _read_header(path, content)
    return {name: _read_tensor(path, name, entry, content[start:]) for name, entry in header.items()}


def write_state_dict(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a safetensors file, or an npz where `path` has another suffix, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() != SUFFIX:
        run_folder.write_arrays(path, arrays)
        return
    header: dict[str, Any] = {}
    end = 0
    for name, value in arrays.items():
        start, end = end, end + value.nbytes
        header[name] = {"dtype": _NAMES[value.dtype], "shape": list(value.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join(np.ascontiguousarray(value).tobytes() for value in arrays.values())
    files.write_atomic(path, len(text).to_bytes(8, "little") + text + body)


def _read_header(path: Path, content: bytes) -> tuple[int, dict[str, Any]]:
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(len(content) - 8, _LONGEST_HEADER):
        raise UserError(f"{path} is cut short or no safetensors file: its header does not fit into it; write it again")
    try:
        header = json.loads(content[8 : 8 + length])
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise UserError(f"{path} has a header that is no JSON object, so it is no safetensors file; write it again")
    header.pop("__metadata__", None)
    return 8 + length, header


def _read_tensor(path: Path, name: str, entry: Any, body: bytes) -> np.ndarray:
    try:
        form, shape, (start, end) = entry["dtype"], tuple(map(int, entry["shape"])), map(int, entry["data_offsets"])
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{path} says of array {name!r} {entry!r}, not dtype, shape and offsets; write it again"
        ) from None
    if form not in _DTYPES:
        raise UserError(f"{path} has for array {name!r} the type {form!r}, which is not read; write it as F32")
    dtype = np.dtype(_DTYPES[form])
    if (
        min(shape, default=0) < 0
        or not 0 <= start <= end <= len(body)
        or end - start != dtype.itemsize * math.prod(shape)
    ):
        raise UserError(f"{path} is cut short or damaged: array {name!r} {list(shape)} does not fit; write it again")
    value = np.frombuffer(body[start:end], dtype).reshape(shape)
    return (value.astype(np.uint32) << 16).view(np.float32) if form == "BF16" else value
