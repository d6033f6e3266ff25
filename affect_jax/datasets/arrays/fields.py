"""Finds in files of arrays what each split has: the names and shapes of its fields, before their content is needed.

A file is a tree of names. One of the words of a path says the split (`train/text`, `text_train`, `X_train.h5`), the
last of the others is the field's name. A folder is a tree of the files in it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets import array_files
from affect_jax.datasets.arrays.pickle_reader import read_pickle
from affect_jax.datasets.arrays.utterance_lists import list_columns
from affect_jax.datasets.release_files import MARKER, quote_values
from affect_jax.errors import UserError

PICKLES = (".pkl", ".pickle", ".p", ".pk")
ARRAYS = tuple(suffix for suffix in array_files.SUFFIXES if suffix != ".npy")
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""A word in a path -> the split."""
_BETWEEN_WORDS = re.compile(r"[_.\- ]+")
_NO_NAME = re.compile(r"[^A-Za-z0-9_]+")
_LONGEST_NAME = 60
_NAMELESS = ("data", "arr_0", "values")
"""What people call the only array of a file."""
_OF_TABLES = ("label", "labels", "regression_labels", "classification_labels")
"""A dict of these names has labels under names of their own, as in labels/M."""
_DEEPEST = 4


class Field(NamedTuple):
    """One array, or list, of a split.

    Attributes:
      file: that has it.
      place: its path in the file, for messages.
      shape: of an array [N, ...]; of a list (N,).
      kind: of an array: numpy's 'f', 'i', 'u', 'b', 'U' or 'S'; of a list: 'list'.
      read: gives it.
    """

    file: Path
    place: str
    shape: tuple[int, ...]
    kind: str
    read: Callable[[], Any]

    def __str__(self) -> str:
        return f"{self.file}: {self.place} {list(self.shape)}"


Splits = dict[str, dict[str, Field]]
"""Split ('' where no path says one) -> name -> field."""


def list_files(path: str) -> list[Path]:
    """The files of `config.corpus.path`: itself, those of a folder, or those that fit a pattern; sorted.

    Raises:
      UserError: there are none, or the file is of another kind.
    """
    given = Path(path).expanduser()
    suffixes = (*PICKLES, *ARRAYS)
    if any(sign in given.name for sign in "*?[") and not given.exists():
        files = sorted(given.parent.glob(given.name))
    elif given.is_dir():
        files = sorted(file for file in given.iterdir() if file.suffix.lower() in suffixes)
    else:
        files = [given]
    files = [file for file in files if file.name != MARKER]
    expected = f"a file that ends in {', '.join(suffixes)}, or a folder of such files"
    if not files or not files[0].exists():
        raise UserError(f"config.corpus.path is {quote_values(path, 200)}, where no such file is; expected {expected}")
    for file in files:
        if not file.is_file() or file.suffix.lower() not in suffixes:
            raise UserError(f"{file} is no file of arrays; expected {expected}")
    return files


def find_fields(path: str, largest_file: float) -> Splits:
    """The fields of each split.

    Args:
      path: `config.corpus.path`.
      largest_file: MB that may be read of an npz or h5 file.

    Raises:
      UserError: a file is damaged, holds what could run code, or has nothing in it; or a field twice.
    """
    files = list_files(path)
    splits: Splits = {}
    for file in files:
        prefix = (file.stem,) if len(files) > 1 or _find_split((file.stem,)) else ()
        for words, field in _list_leaves(file, largest_file):
            split, name = _read_words((*prefix, *words) or (file.stem,))
            known = splits.setdefault(split, {})
            if name in known:
                raise UserError(
                    f"{field.file} has {name!r} of the split {split or 'without a name'!r} at {field.place!r}, and"
                    f" {known[name].file} has it at {known[name].place!r}; name one corpus in config.corpus.path"
                )
            known[name] = field
    if not any(splits.values()):
        raise UserError(f"{files[0]} has no arrays in it; expected splits, and modalities and labels in each")
    # What stands beside the splits (vocabularies, embeddings) belongs to none of them.
    order = [""] if len(splits) == 1 and "" in splits else ["train", "validation", "test"]
    return {split: splits[split] for split in order if split in splits}


def _find_split(words: Sequence[str]) -> str:
    return next((_match(word)[0] for word in words if _match(word)[0]), "")


def _match(word: str) -> tuple[str, str]:
    """(split, rest) of a word such as 'text_train' or 'y_train_happy'; ('', word) where it says no split."""
    pieces = _BETWEEN_WORDS.split(word)
    at = [i for i, piece in enumerate(pieces) if piece.lower() in SPLITS]
    if len(at) != 1:
        return "", word
    return SPLITS[pieces[at[0]].lower()], "_".join(pieces[: at[0]] + pieces[at[0] + 1 :])


def _read_words(words: Sequence[str]) -> tuple[str, str]:
    """(split, name of the field) of a path. The name has letters, digits and _, as models have parts called by it."""
    split, names = "", []
    for word in words:
        found, rest = ("", word) if split else _match(word)
        split = split or found
        names.append(rest)
    named = [name for name in names if name and name.lower() not in _NAMELESS] or [words[-1]]
    tabled = len(named) > 1 and named[-2].lower() in _OF_TABLES
    name = _NO_NAME.sub("_", f"{named[-2]}_{named[-1]}" if tabled else named[-1]).strip("_")[:_LONGEST_NAME]
    return split, name if name[:1].isalpha() else f"array_{name}"


def _show_place(words: Sequence[str]) -> str:
    """The path as messages show it: one short line."""
    text = "/".join(words)
    text = "".join(sign if sign.isprintable() else "?" for sign in text)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}..."


def _list_leaves(file: Path, largest_file: float) -> Iterator[tuple[tuple[str, ...], Field]]:
    if file.suffix.lower() in PICKLES:
        yield from _list_values(file, read_pickle(file), ())
        return
    for name, header in array_files.list_arrays(file).items():
        words = tuple(word for word in name.split("/") if word)
        kind = header.dtype.kind if header.dtype is not None else "?"

        def read(name: str = name) -> np.ndarray:
            return array_files.read_array(file, name, kinds="fiubUS", largest_file=largest_file)

        yield words or (name,), Field(file, _show_place((name,)), header.shape, kind, read)


def _list_values(file: Path, value: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Field]]:
    """The arrays and lists in nested dicts."""
    if len(words) > _DEEPEST:
        raise UserError(f"{file} has dicts in dicts deeper than {_DEEPEST}, as at {_show_place(words)!r}")
    if isinstance(value, list | tuple):
        columns = list_columns(value)
        if columns:
            value = columns
    if isinstance(value, Mapping):
        for key, child in value.items():
            key = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
            yield from _list_values(file, child, (*words, key))
        return
    if isinstance(value, np.ndarray) and value.ndim:
        yield words, Field(file, _show_place(words) or file.stem, value.shape, value.dtype.kind, lambda: value)
    elif isinstance(value, list | tuple):
        array = _join_list(value)
        kind = array.dtype.kind if isinstance(array, np.ndarray) else "list"
        shape = array.shape if isinstance(array, np.ndarray) else (len(array),)
        yield words, Field(file, _show_place(words) or file.stem, shape, kind, lambda: array)


def _join_list(values: Sequence[Any]) -> np.ndarray | list:
    """An array of numbers, or of lists of as many numbers or texts; a list of anything else."""
    first = values[0] if values else None
    kinds = {type(value) for value in values}
    if kinds <= {int, float, bool}:
        return np.array(values, np.int64 if kinds == {int} else np.float64) if _fit_64_bits(values) else list(values)
    are_rows = isinstance(first, list | tuple) and kinds <= {list, tuple}
    if (
        are_rows
        and first
        and {len(value) for value in values} == {len(first)}
        and all(type(one) in (int, float) for value in values for one in value)
    ):
        return np.array(values, np.float64)
    return list(values)


def _fit_64_bits(values: Sequence[Any]) -> bool:
    return all(isinstance(value, float) or -(2**63) <= value < 2**63 for value in values)
