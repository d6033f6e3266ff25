"""Documents of JSON as dataclasses, with errors that say which value is not what its field's type says."""

import dataclasses
import sys
import types
import typing
from typing import Any


class Mismatch(Exception):
    """A value that is not what its field's type says."""


def quote(value: Any) -> str:
    """A value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def decode(kind: Any, value: Any, where: str = "") -> Any:
    """Makes what JSON holds into a value of a type.

    Args:
      kind: a dataclass, NamedTuple, dict, tuple, float, int, bool, str, `Literal`, `Any`, or one of them or None.
      value: of JSON.
      where: its path in the document.

    Raises:
      Mismatch: some value in it has another type, a key is missing or unknown; the message begins with a verb.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in arguments:
            return None
        return decode(next(a for a in arguments if a is not type(None)), value, where)
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return _decode_fields(kind, value, where)
    if origin is dict:
        if isinstance(value, dict):
            return {key: decode(arguments[1], of_key, f"{where}.{key}") for key, of_key in value.items()}
    elif origin is tuple:
        if isinstance(value, list):
            return tuple(decode(arguments[0], one, f"{where}[{at}]") for at, one in enumerate(value))
    elif kind is float:
        # Of whole numbers JSON has such as no float can be.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and -sys.float_info.max <= value <= sys.float_info.max:
            return float(value)
    elif origin is typing.Literal:
        if value in arguments:
            return value
        raise Mismatch(f"has {where} = {quote(value)}, expected {' or '.join(map(repr, arguments))}")
    elif isinstance(value, kind) and isinstance(value, bool) == (kind is bool):
        return value
    expected = {
        dict: "an object",
        tuple: "a list",
        float: "a finite number",
        int: "a whole number",
        bool: "true or false",
    }
    raise Mismatch(f"has {where} = {quote(value)}, expected {expected.get(origin or kind, 'text')}")


def _decode_fields(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise Mismatch(f"has {where} = {quote(value)}, expected an object")
    required = _find_required(kind)
    unknown = [key for key in value if key not in required]
    if unknown:
        raise Mismatch(f"has the unknown key {'.'.join(filter(None, (where, unknown[0])))!r}")
    values, hints = {}, typing.get_type_hints(kind)
    for name, is_required in required.items():
        path = f"{where}.{name}" if where else name
        if name in value:
            values[name] = decode(hints[name], value[name], path)
        elif is_required:
            raise Mismatch(f"lacks {path!r}")
    return kind(**values)


def _find_required(kind: Any) -> dict[str, bool]:
    """Field -> whether it has no default, of a dataclass or NamedTuple."""
    if not dataclasses.is_dataclass(kind):
        return {name: name not in kind._field_defaults for name in kind._fields}
    return {
        field.name: field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        for field in dataclasses.fields(kind)
    }
