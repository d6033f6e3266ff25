"""IEMOCAP's emotions: the release's codes, how many utterances have each, and which codes make which classes."""

from collections.abc import Mapping
from typing import NamedTuple

from affect_jax.errors import UserError

COUNTS: dict[str, int] = {"ang": 1103, "exc": 1041, "hap": 595, "sad": 1084, "fru": 1849, "sur": 107, "neu": 1708}
"""Code -> utterances of the release, 7,487 in all. No two are equal: a number of utterances tells the code."""

LEFT_OUT = ("fea", "dis", "oth", "xxx")
"""Codes that no set of classes has: fear, disgust, other, and those on which the annotators did not agree."""


class Classes(NamedTuple):
    """A set of classes.

    Attributes:
      codes: class -> the codes that belong to it; classes are numbered in this order.
      counts: utterances of each class in the release.
    """

    codes: dict[str, tuple[str, ...]]
    counts: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the classes 0, 1, ..."""
        return tuple(self.codes)

    def find_class(self, code: str) -> int | None:
        """The class of a code; None where it has none."""
        return next((n for n, codes in enumerate(self.codes.values()) if code in codes), None)


LABELS: dict[str, Classes] = {
    "emotion7": Classes(
        {
            "angry": ("ang",),
            "excited": ("exc",),
            "happy": ("hap",),
            "sad": ("sad",),
            "frustrated": ("fru",),
            "surprise": ("sur",),
            "neutral": ("neu",),
        },
        (1103, 1041, 595, 1084, 1849, 107, 1708),
    ),
    "emotion6": Classes(
        {
            "angry": ("ang",),
            "excited": ("exc",),
            "happy": ("hap",),
            "sad": ("sad",),
            "frustrated": ("fru",),
            "neutral": ("neu",),
        },
        (1103, 1041, 595, 1084, 1849, 1708),
    ),
    "emotion4": Classes(
        {"angry": ("ang",), "happy": ("hap", "exc"), "sad": ("sad",), "neutral": ("neu",)},
        (1103, 1636, 1084, 1708),
    ),
}
"""config.corpus.labels -> its classes.

emotion7: 7,487 utterances; what chapter 4 of the thesis uses.
emotion6: without surprise, of which there are only 107; 7,380.
emotion4: what most of the literature uses, happy and excited as one; 5,531.
"""


def check_counts(found: Mapping[str, int], expected: Mapping[str, int], where: str) -> None:
    """Refuses a corpus that has other numbers of utterances than it should.

    Args:
      found: code -> utterances; other codes than those of `expected` do not count.
      expected: code -> utterances: `COUNTS`, or what a generator wrote.
      where: the folder, named in the error.

    Raises:
      UserError: with the first code that differs.
    """
    for code, count in expected.items():
        if found.get(code, 0) != count:
            raise UserError(
                f"{where} has {found.get(code, 0)} utterances of {code!r}, expected {count} ({sum(expected.values())}"
                f" in all, found {sum(found.get(c, 0) for c in expected)}); copy the release again"
            )


def decode_numbers(found: Mapping[int, int], expected: Mapping[str, int], where: str) -> dict[int, str]:
    """Which code each number stands for, in files that have numbers and do not say their meaning.

    A code is known by how many utterances it has.

    Args:
      found: number -> utterances.
      expected: code -> utterances, all different.
      where: the folder, named in the error.

    Raises:
      UserError: the numbers of utterances are not the expected ones.
    """
    of = {count: code for code, count in expected.items()}
    if sorted(found.values()) != sorted(of):
        raise UserError(
            f"{where} has {sum(found.values())} utterances, {', '.join(str(n) for _, n in sorted(found.items()))} of"
            f" the labels {', '.join(map(str, sorted(found)))}; expected {sum(expected.values())},"
            f" {', '.join(f'{n} {code}' for code, n in expected.items())} in any order: copy the files again"
        )
    return {number: of[count] for number, count in found.items()}
