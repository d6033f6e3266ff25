"""What a pickle may name: numpy's few builders of arrays and numbers, and what each of them gives here.

None of numpy's own functions is called with what a file says: types, shapes and bytes are compared first, and an array
is made of bytes that are in the file.
"""

import dataclasses
import math
import re
from typing import Any, NamedTuple

import numpy as np

Block = bytes | bytearray | memoryview
_MOST_AXES = 8
_CODE = re.compile(r"([<>=|]?)(b1|[iu][1248]|f[248]|[SU][0-9]{1,9}|O[48]?)")


class Name(NamedTuple):
    """Stands for what a pickle names; it is never imported."""

    name: str


@dataclasses.dataclass
class UnfinishedType:
    """numpy.dtype before its byte order is known.

    Attributes:
      code: 'f4'.
      order: '<', '>', '=' or '|'.
    """

    code: str
    order: str = "="

    def resolve(self) -> np.dtype:
        """The type."""
        return np.dtype(self.code if self.order == "|" else self.order + self.code)


@dataclasses.dataclass
class UnfinishedArray:
    """An array before its content is known.

    Attributes:
      keys: where the memo has it; `BUILD` puts the array there.
    """

    keys: list[int] = dataclasses.field(default_factory=list)


def make_type(code: Any, *_: Any) -> UnfinishedType:
    """Stands for numpy.dtype. Raises ValueError for anything but numbers, text and objects."""
    match = _CODE.fullmatch(code.decode("latin-1") if isinstance(code, bytes) else code)
    if match is None:
        raise ValueError(f"a numpy type {str(code)[:40]!r}, which is neither numbers nor text")
    return UnfinishedType(match[2], match[1] or "=")


def finish_type(unfinished: UnfinishedType, state: Any) -> UnfinishedType:
    """Takes the byte order of a dtype's state. Raises ValueError for records."""
    _, order, subtype, names, fields, *_ = state
    if subtype is not None or names is not None or fields is not None:
        raise ValueError("records, not plain arrays")
    order = order.decode("latin-1") if isinstance(order, bytes) else order
    if order not in ("<", ">", "=", "|"):
        raise ValueError("an unknown byte order")
    return UnfinishedType(unfinished.code, order)


def start_array(kind: Any, *_: Any) -> UnfinishedArray:
    """Stands for numpy.core.multiarray._reconstruct."""
    if kind != Name("ndarray"):
        raise ValueError("an array of another kind than numpy.ndarray")
    return UnfinishedArray()


def finish_array(state: Any) -> Any:
    """The array of numpy.ndarray's state; nested lists where its type is 'object'.

    Raises:
      ValueError: the shape does not fit the bytes.
    """
    *_, shape, kind, is_fortran, content = state
    return make_array(content, kind, shape, "F" if is_fortran else "C")


def make_array(
    content: Any, kind: Any, shape: Any, order: str = "C", axis_order: tuple[int, ...] | None = None
) -> np.ndarray | list | Any:
    """Stands for numpy.core.numeric._frombuffer. Raises ValueError where shape, type and bytes do not fit."""
    if not isinstance(kind, UnfinishedType) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError("an array without a type or shape")
    count = math.prod(shape)
    # Axes of an empty array could be of any length, and loops over them would not end.
    if len(shape) > _MOST_AXES or (not count and shape[0]):
        raise ValueError(f"an array of the shape {list(shape)[:_MOST_AXES]}")
    if kind.code.startswith("O"):
        if not isinstance(content, list) or len(content) != count:
            raise ValueError("an array of objects of another number than its shape says")
        return _nest(content, shape)
    dtype, block = kind.resolve(), _get_bytes(content)
    if count * dtype.itemsize != len(block):
        raise ValueError(f"an array {list(shape)[:8]} of {dtype} in {len(block)} bytes")
    if not count:
        return np.zeros(shape, dtype)
    values = np.frombuffer(block, dtype)
    if order == "K" and axis_order is not None:
        return values.reshape(shape).transpose(axis_order)
    return values.reshape(shape, order="F" if order == "F" else "C")


def make_number(kind: Any, content: Any) -> Any:
    """Stands for numpy.core.multiarray.scalar: a Python number or text."""
    return make_array(content, kind, (1,))[0].item()


def encode_text(text: Any, encoding: Any) -> bytes:
    """Stands for _codecs.encode, which Python 3 writes for bytes in protocols before 3."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError("text in an unexpected encoding")
    return text.encode("latin-1")


def make_no_bytes() -> bytes:
    """Stands for bytes(), which Python 3 writes for b'' in protocols before 3."""
    return b""


def make_dict(pairs: Any = ()) -> dict:
    """Stands for collections.OrderedDict."""
    return dict(pairs)


def _nest(items: list, shape: tuple[int, ...]) -> Any:
    """The items in nested lists of this shape."""
    if not shape:
        return items[0]
    if len(shape) == 1 or not items:
        return items
    size = len(items) // shape[0]
    return [_nest(items[i * size : (i + 1) * size], shape[1:]) for i in range(shape[0])]


def _get_bytes(content: Any) -> Block:
    if isinstance(content, str):  # Python 2 wrote bytes as text
        return content.encode("latin-1")
    if not isinstance(content, Block):
        raise ValueError("an array without bytes")
    return content


_MODULES = ("numpy.core", "numpy._core")  # before and since numpy 2
CALLS = {
    **{(f"{module}.multiarray", "_reconstruct"): start_array for module in _MODULES},
    **{(f"{module}.multiarray", "scalar"): make_number for module in _MODULES},
    **{(f"{module}.numeric", "_frombuffer"): make_array for module in _MODULES},
    ("numpy", "dtype"): make_type,
    ("_codecs", "encode"): encode_text,
    ("builtins", "bytes"): make_no_bytes,
    ("__builtin__", "bytes"): make_no_bytes,
    ("collections", "OrderedDict"): make_dict,
}
"""(module, name) -> what stands here for what is called by that name. Nothing else is called."""
KNOWN = {*CALLS, ("numpy", "ndarray")}
"""All that a pickle may name."""
