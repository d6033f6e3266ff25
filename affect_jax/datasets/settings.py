"""Checks `config.corpus` against the frozen dataclass `Settings` of a corpus, and reports every problem at once.

    @dataclasses.dataclass(frozen=True)
    class Settings:
        rate: int = define_setting(8000, least=1000)
        partition: str | None = None

None means "left open": the setting then has the default of its field. Where the default itself is None, the docstring
of the class says what the reader does.
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from affect_jax.errors import UserError, suggest_nearest

SettingsType = TypeVar("SettingsType")

_LARGEST = 10**6
"""A number above this is a slip of the finger unless its setting says otherwise: nothing here is counted so high."""
_KINDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: "a tuple of texts",
    dict: "a table",
}


def define_setting(
    default: Any, *, least: float | None = None, most: float | None = None, choices: tuple[str, ...] = ()
) -> Any:
    """A field of a `Settings` class whose values are limited.

    Args:
      default: value of a setting that is left open.
      least: smallest number that is allowed; None for no limit.
      most: largest number that is allowed; None for a million.
      choices: texts that are allowed; of a tuple, what each of its items may be (and none may come twice).
    """
    return dataclasses.field(default=default, metadata={"least": least, "most": most, "choices": choices})


def resolve_settings(
    values: Mapping[str, Any], settings_class: type[SettingsType], prefix: str = "config.corpus"
) -> SettingsType:
    """The settings of a corpus, complete and checked.

    Args:
      values: key -> value, such as `config.corpus`; nested mappings for nested settings. None leaves a setting open,
        and so does empty text or an empty tuple where the field may be None (`--config.corpus.manual_dir=`).
      settings_class: a frozen dataclass, the corpus' `Settings`.
      prefix: how messages name the mapping.

    Raises:
      UserError: one line for each unknown key (with the nearest known one), wrong type and value out of range.
    """
    problems: list[str] = []
    settings = _resolve(values, settings_class, prefix, problems)
    if problems:
        raise UserError("\n".join(problems))
    return settings


def make_defaults(settings_class: type) -> dict[str, Any]:
    """Key -> default, nested like the settings themselves."""
    return dataclasses.asdict(settings_class())


def _resolve(values: Mapping[str, Any], settings_class: type, prefix: str, problems: list[str]) -> Any:
    fields = {field.name: field for field in dataclasses.fields(settings_class)}
    hints = _get_hints(settings_class)
    resolved = {}
    for key, value in values.items():
        name = f"{prefix}.{key}"
        if key not in fields:
            problems.append(
                f"{name} is not a setting{suggest_nearest(key, fields)}; choose {', '.join(sorted(fields))}"
            )
            continue
        kind, may_be_none = _split_optional(hints[key])
        if value is None or (may_be_none and value in ("", (), [], {})):
            continue
        if dataclasses.is_dataclass(kind):
            if hasattr(value, "items"):  # a ConfigDict is not a Mapping
                resolved[key] = _resolve(value, kind, name, problems)
            else:
                problems.append(f"{name} is {value!r}, expected the settings {', '.join(_get_hints(kind))}")
            continue
        value = tuple(value) if isinstance(value, list) else value
        problem = next(_find_problems(value, kind, fields[key]), None)
        if problem is not None:
            problems.append(f"{name} is {value!r}{problem}")
        resolved[key] = value
    return settings_class(**resolved)


@functools.cache
def _get_hints(settings_class: type) -> dict[str, Any]:
    return typing.get_type_hints(settings_class)


def _split_optional(hint: Any) -> tuple[type, bool]:
    """(the type, whether None is allowed beside it); tuple[str, ...] becomes tuple."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kinds = [option for option in options if option is not type(None)]
    return typing.get_origin(kinds[0]) or kinds[0], len(kinds) < len(options)


def _find_problems(value: Any, kind: type, field: dataclasses.Field) -> Iterator[str]:
    """The ends of sentences that begin with 'config.corpus.rate is 7'."""
    # bool is a subclass of int, but True Hz is a mistake.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = is_number and math.isfinite(value) if kind is float else type(value) is kind
    if fits and kind is tuple:
        fits = all(isinstance(item, str) for item in value)
    if not fits:
        yield (
            f", expected {_KINDS[kind]} such as the default {field.default!r}"
            if field.default is not None
            else (f", expected {_KINDS[kind]}")
        )
        return
    least, most, choices = (field.metadata.get(key) for key in ("least", "most", "choices"))
    if is_number:
        if least is not None and most is not None and not least <= value <= most:
            yield f"; set it to {least} to {most}"
        elif least is not None and value < least:
            yield f"; set it to {least} or more"
        elif value > (_LARGEST if most is None else most):
            yield f"; set it to {_LARGEST if most is None else most} or less"
    if choices:
        items = value if kind is tuple else (value,)
        for item in items:
            if item not in choices:
                whole = f" with {item!r}" if kind is tuple else ""
                yield f"{whole}{suggest_nearest(item, choices)}; choose {', '.join(choices)}"
        if not items or len(set(items)) < len(items):
            yield f"; name one or more of {', '.join(choices)}, each once"
