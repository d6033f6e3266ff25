"""Plain values -> frozen dataclasses, by the types of their fields. What does not fit is noted with its path."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple

from affect_jax.config.problems import Problems
from affect_jax.config.removed import find_replacement
from affect_jax.errors import join_words, suggest_nearest


class Range(NamedTuple):
    """The numbers that a field admits; used as `Annotated[int, Range(least=1)]`.

    Attributes:
      least: smallest value.
      above: the value must be larger than this.
      most: largest value.
    """

    least: float | None = None
    above: float | None = None
    most: float | None = None

    def admits(self, value: float) -> bool:
        """Whether a finite number is in the range."""
        return not (
            (self.least is not None and value < self.least)
            or (self.above is not None and value <= self.above)
            or (self.most is not None and value > self.most)
        )

    def __str__(self) -> str:
        limits = [
            f"{word} {limit:.12g}"
            for word, limit in (("at least", self.least), ("above", self.above), ("at most", self.most))
            if limit is not None
        ]
        return " and ".join(limits)


_MISSING = object()
_NAMES = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}


def decode(kind: Any, value: Any, path: str, problems: Problems) -> Any:
    """`value` as the type `kind`, or None with a noted problem.

    Args:
      kind: int, float, bool, str, tuple[X, ...], dict[str, X], Literal, a dataclass, a union of these, or Annotated
        with a `Range`.
      value: plain values, as of a ConfigDict.
      path: of the value, for the sentence.
      problems: takes what is wrong.
    """
    converted = _convert(kind, value, path, problems)
    if converted is _MISSING:
        problems.add(f"{path} is {value!r}{_suggest_choice(kind, value)}; set {_describe(kind)}")
        return None
    return converted


def decode_fields(kind: Any, value: Any, path: str, problems: Problems) -> Any:
    """A mapping as the dataclass `kind`; every unknown, missing or wrong key of it is noted. None where any is."""
    if not isinstance(value, Mapping):
        problems.add(f"{path} is {value!r}; set {_describe(kind)}")
        return None
    before = len(problems)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind, include_extras=True)
    note_unknown(value, fields, path, problems)
    values = {}
    for name, field in fields.items():
        if name in value:
            values[name] = decode(hints[name], value[name], f"{path}.{name}", problems)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.add(f"{path} lacks {name!r}; set {_describe(hints[name])}")
    return kind(**values) if len(problems) == before else None


def note_unknown(value: Mapping[str, Any], known: Any, path: str, problems: Problems) -> None:
    """Notes the keys of a mapping that are not among `known`: with the new name of what was renamed, or the nearest."""
    for key in value:
        if key in known:
            continue
        new = find_replacement(f"{path}.{key}")
        remedy = f"; {new}" if new else f"{suggest_nearest(key, known)}; it has {join_words(sorted(known))}"
        problems.add(f"{path} has no setting {key!r}{remedy}")


def _convert(kind: Any, value: Any, path: str, problems: Problems) -> Any:
    """The value as `kind`, or _MISSING where it is none. Problems inside of containers are noted with their own
    path."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is typing.Annotated:
        number = _convert(arguments[0], value, path, problems)
        return number if number is _MISSING or number is None or arguments[1].admits(number) else _MISSING
    if origin in (types.UnionType, typing.Union):
        for one in arguments:
            converted = None if one is type(None) and value is None else _convert(one, value, path, problems)
            if one is type(None) and value is not None:
                continue
            if converted is not _MISSING:
                return converted
        return _MISSING
    if origin is typing.Literal:
        return value if value in arguments else _MISSING
    if dataclasses.is_dataclass(kind):
        return decode_fields(kind, value, path, problems) if isinstance(value, Mapping) else _MISSING
    if origin is tuple:
        return _convert_tuple(arguments[0], value, path, problems)
    if origin is dict:
        if not isinstance(value, Mapping):
            return _MISSING
        return {key: decode(arguments[1], of_key, f"{path}.{key}", problems) for key, of_key in value.items()}
    return _convert_scalar(kind, value)


def _convert_tuple(kind: Any, value: Any, path: str, problems: Problems) -> Any:
    if not isinstance(value, list | tuple):
        return _MISSING
    items = [_convert(kind, one, path, problems) for one in value]
    return _MISSING if any(item is _MISSING for item in items) else tuple(items)


def _convert_scalar(kind: Any, value: Any) -> Any:
    if isinstance(value, bool) != (kind is bool):
        return _MISSING
    if kind is float:
        fits = isinstance(value, int | float) and math.isfinite(value)
        return float(value) if fits else _MISSING
    return value if isinstance(value, kind) else _MISSING


def _suggest_choice(kind: Any, value: Any) -> str:
    """The nearest choice of a field that has some, for the middle of a sentence."""
    literals = [one for one in (kind, *typing.get_args(kind)) if typing.get_origin(one) is typing.Literal]
    choices = [choice for literal in literals for choice in typing.get_args(literal)]
    return suggest_nearest(str(value), choices)


def _describe(kind: Any) -> str:
    """What a field admits, for the end of a sentence: 'a whole number at least 1, or None'."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return f"{_describe(arguments[0])} {arguments[1]}"
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_describe(one) for one in arguments)
    if kind is type(None):
        return "None"
    if origin is typing.Literal:
        return f"one of {join_words(arguments)}" if len(arguments) > 1 else repr(arguments[0])
    if origin is tuple:
        return f"a tuple, each of it {_describe(arguments[0])}"
    if origin is dict or dataclasses.is_dataclass(kind):
        return "a table of settings"
    return _NAMES.get(kind, str(kind))
