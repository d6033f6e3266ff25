"""IEMOCAP's emotions: the codes of the release, how many utterances each has, and which codes form which classes."""

from collections.abc import Mapping
from typing import NamedTuple

from affect_jax.errors import UserError

COUNTS: dict[str, int] = {"ang": 1103, "exc": 1041, "hap": 595, "sad": 1084, "fru": 1849, "sur": 107, "neu": 1708}
"""Code -> utterances of the release, 7,487 in all. No two are equal, so the number of utterances identifies a code."""

LEFT_OUT = ("fea", "dis", "oth", "xxx")
"""Codes in no set of classes: fear, disgust, other, and xxx, on which the annotators did not agree."""


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
        """Names of the classes 0, 1, ..."""
        return tuple(self.codes)

    def find_class(self, code: str) -> int | None:
        """The class of a code; None if it is in no class."""
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
emotion4: what most of the literature uses, with happy and excited as one class; 5,531.
"""


def check_counts(counts: Mapping[str, int], expected: Mapping[str, int], where: str) -> None:
    """Refuses a corpus with other numbers of utterances than expected.

    Args:
      counts: code -> utterances; codes that are not in `expected` do not count.
      expected: code -> utterances: `COUNTS`, or what a generator wrote.
      where: the folder, for the message.

    Raises:
      UserError: with the first code that differs.
    """
    for code, count in expected.items():
        if counts.get(code, 0) != count:
            raise UserError(
                f"{where} has {counts.get(code, 0)} utterances of {code!r}, expected {count} (and"
                f" {sum(counts.get(c, 0) for c in expected)} in all, expected {sum(expected.values())}); copy the"
                " release again"
            )


def decode_numbers(counts: Mapping[int, int], expected: Mapping[str, int], where: str) -> dict[int, str]:
    """Finds which code each number stands for, in files that do not say what their numbers mean.

    The number of its utterances identifies a code.

    Args:
      counts: number -> utterances.
      expected: code -> utterances, all different.
      where: the folder, for the message.

    Raises:
      UserError: the numbers of utterances are not the expected ones.
    """
    code_of = {count: code for code, count in expected.items()}
    if sorted(counts.values()) != sorted(code_of):
        raise UserError(
            f"{where} has {sum(counts.values())} utterances, {', '.join(str(n) for _, n in sorted(counts.items()))} of"
            f" the labels {', '.join(map(str, sorted(counts)))}; expected {sum(expected.values())},"
            f" {', '.join(f'{n} {code}' for code, n in expected.items())} in any order: copy the files again"
        )
    return {number: code_of[count] for number, count in counts.items()}
