"""Plain values become frozen ones by the types of their fields, and what does not fit is told with its path."""

import dataclasses
from typing import Annotated, Any, Literal

import pytest

from affect_jax.config.decode import Range, decode, decode_fields
from affect_jax.config.problems import Problems
from affect_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Inner:
    size: Annotated[int, Range(least=1, most=9)]


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    kind: Literal["a", "b"] = "a"
    rates: tuple[Annotated[float, Range(above=0)], ...] = ()
    steps: dict[str, int | None] | None = None


@pytest.mark.parametrize(
    ("kind", "value", "decoded"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (bool, False, False),
        (str | None, None, None),
        (int | None, 3, 3),
        (tuple[int, ...], [1, 2], (1, 2)),
        (int | tuple[int, ...], (1, 2), (1, 2)),
        (bool | tuple[str, ...], ("a",), ("a",)),
        (dict[str, int | None], {"a": None, "b": 2}, {"a": None, "b": 2}),
        (Literal["a", "b"], "b", "b"),
        (Annotated[float, Range(least=0, most=1)], 1, 1.0),
        (Annotated[int, Range(least=1)] | None, None, None),
        (Inner, {"size": 9}, Inner(9)),
        (Any, object, object),
    ],
)
def test_what_fits_is_taken(kind, value, decoded):
    problems = Problems()
    result = decode(kind, value, "config.x", problems)
    assert result == decoded
    assert type(result) is type(decoded)
    problems.raise_any()


@pytest.mark.parametrize(
    ("kind", "value", "remedy"),
    [
        (int, 3.0, "set a whole number"),
        (int, True, "set a whole number"),
        (float, float("inf"), "set a number"),
        (float, False, "set a number"),
        (float, "1", "set a number"),
        (bool, 1, "set True or False"),
        (str, None, "set text"),
        (str | None, 3, "set text or None"),
        (tuple[int, ...], "12", "set a tuple, each of it a whole number"),
        (tuple[int, ...], (1, "2"), "set a tuple, each of it a whole number"),
        (dict[str, int], 3, "set a table of settings"),
        (Literal["a", "b"], "c", "set one of a, b"),
        (Annotated[int, Range(least=1)], 0, "set a whole number at least 1"),
        (Annotated[float, Range(above=0, most=1)], 0.0, "set a number above 0 and at most 1"),
        (Annotated[float, Range(above=0, most=1)], 1.5, "set a number above 0 and at most 1"),
        (Annotated[int, Range(least=1)] | None, -2, "set a whole number at least 1 or None"),
        (Inner, 3, "set a table of settings"),
    ],
)
def test_what_does_not_fit_is_told(kind, value, remedy):
    problems = Problems()
    assert decode(kind, value, "config.x", problems) is None
    with pytest.raises(UserError) as raised:
        problems.raise_any()
    assert str(raised.value) == f"config.x is {value!r}; {remedy}"


def test_problems_inside_have_their_own_path_and_come_all_at_once():
    problems = Problems()
    wrong = {"nmae": "x", "inner": {"size": 10}, "rates": (0.1, 0.0), "steps": {"a": "3"}}
    assert decode_fields(Outer, wrong, "config.x", problems) is None
    with pytest.raises(UserError) as raised:
        problems.raise_any()
    first, *lines = str(raised.value).splitlines()
    assert first == "the config has 5 problems:"
    assert [line.strip() for line in lines] == [
        "config.x has no setting 'nmae' (did you mean 'name'?); it has inner, kind, name, rates, steps",
        "config.x lacks 'name'; set text",
        "config.x.inner.size is 10; set a whole number at least 1 and at most 9",
        "config.x.rates is (0.1, 0.0); set a tuple, each of it a number above 0",
        "config.x.steps.a is '3'; set a whole number or None",
    ]


def test_a_value_that_is_read_twice_is_wrong_both_times_and_told_once():
    problems = Problems()
    for _ in range(2):
        assert decode_fields(Outer, {"name": 3, "inner": {}}, "config.x", problems) is None
    with pytest.raises(UserError, match="the config has 2 problems"):
        problems.raise_any()


def test_defaults_stand_in_for_what_is_left_out():
    problems = Problems()
    assert decode_fields(Outer, {"name": "x", "inner": {"size": 1}}, "config.x", problems) == Outer("x", Inner(1))
    assert not problems
