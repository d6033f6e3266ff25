"""Damage to one file of a corpus, and what a reader may make of it.

A reader may refuse a damaged corpus with a `UserError`, or load it. What it then loads must be the undamaged corpus,
but for numbers that stand in the damaged file and are legal there: no reader can know that a 3 was a 7. `Damage.reach`
says how many; `free` which modality of a file is told by nothing else.
"""

import io
import json
import os
import pickletools
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from affect_jax.datasets import build
from affect_jax.datasets.release_files import MARKER

LONG = int(os.environ.get("AFFECT_JAX_FUZZ", 0))
"""How many examples to draw, other ones each time; 0: few, the same on every run."""
CELLS = (
    "",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "0",
    "1",
    "-1",
    "2.5",
    "x",
    "?",
    "\u0663",
    "9" * 12,
    "9" * 400,
    "9" * 5000,
    '"',
    "#",
)


def few(examples: int) -> settings:
    """Settings of a test: so many examples, or `LONG` of them."""
    return settings(
        derandomize=not LONG,
        database=None,
        max_examples=LONG or examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


class Damage(NamedTuple):
    """What happens to a file.

    Attributes:
      kind: in a word.
      data: its new bytes; None takes it away.
      reach: numbers, rows and columns (of a modality) that may load with other values.
      extra: the name of a file beside it that gets `data`, while it stays as it is.
    """

    kind: str
    data: bytes | None
    reach: tuple[int, int, int] = (0, 0, 0)
    extra: str = ""

    def __repr__(self) -> str:
        return f"{self.kind}: {'nothing' if self.data is None else f'{len(self.data)} bytes'}"


ONE, TWO, ROWS, COLUMNS = (1, 1, 1), (2, 2, 2), (10**9, 2, 10**9), (10**9, 10**9, 2)
READABLE = ("empty", "utf-16", "pickled", "complex", "text", "records")
"""Kinds after which nothing can be read of the file, so that an error must be about this file."""


def flip(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


@st.composite
def damage(draw, path: Path) -> Damage:
    data = path.read_bytes()
    kinds = {".npy": ARRAY, ".wav": SOUND, ".flac": SOUND, ".json": JSON}.get(path.suffix, TEXT)
    kinds = BINARY if path.suffix in (".npz", ".h5", ".pkl") else kinds
    kind = draw(st.sampled_from(sorted(kinds + ANY)), label="kind")

    def number(stop: int) -> int:
        return draw(st.integers(0, max(0, stop - 1)))

    if kind == "gone":
        return Damage(kind, None)
    if kind == "empty":
        return Damage(kind, b"")
    if kind == "cut":
        return Damage(kind, data[: number(len(data))], ONE)
    if kind == "bit":
        return Damage(kind, flip(data, number(len(data)), number(8)), ONE)
    if kind == "head":
        return Damage(kind, flip(data, number(min(len(data), 128 if path.suffix == ".npy" else 64)), number(8)), ONE)
    if kind == "opcode":
        code = draw(st.sampled_from(sorted(pickletools.code2op))).encode("latin-1")
        at = number(len(data))
        return Damage(kind, data[:at] + code + data[at + 1 :], ONE)
    if kind == "longer":
        return Damage(kind, data + bytes([number(256)]) * (1 + number(100)), ONE)
    if kind == "extra":
        name = draw(st.sampled_from(["{0}2{1}", "._{0}{1}", "{0}{1}.bak", "{0} (1){1}"])).format(path.stem, path.suffix)
        return Damage(kind, data, extra=name)
    if kind == "value":
        return Damage(kind, json.dumps(_other(json.loads(data), number, draw)).encode())
    if kinds is ARRAY:
        return _array(kind, np.load(path, allow_pickle=False), number)
    return _text(kind, data, number, draw)


ANY = ("bit", "cut", "empty", "extra", "gone", "longer")
SOUND = ("head", "head")
BINARY = ("head", "head", "opcode", "opcode")
ARRAY = ("head", "axis", "big", "complex", "double", "fewer", "fortran", "inf", "more", "nan", "narrow", "pickled")
ARRAY += ("records", "text", "turned")
VALUES = (None, True, 0, 1, 2, 3, -1, 10**9, 2.5, float("nan"), "", "x", [], [1, 1], {})
TEXT = ("cell", "cell", "cells", "columns", "crlf", "line", "lines", "mark", "shorter", "twice", "utf-16", "wider")
JSON = (*TEXT, *["value"] * len(TEXT))


def _other(tree, number: Callable[[int], int], draw):
    """The tree with one of its values another one, or gone."""
    keys = sorted(tree) if isinstance(tree, dict) else range(len(tree))
    key = keys[number(len(keys))]
    if isinstance(tree[key], dict | list) and tree[key] and number(4):
        tree[key] = _other(tree[key], number, draw)
    elif number(5):
        tree[key] = draw(st.sampled_from(VALUES))
    else:
        del tree[key]
    return tree


def _array(kind: str, values: np.ndarray, number: Callable[[int], int]) -> Damage:
    row = number(len(values))
    if kind in ("inf", "nan") and values.dtype.kind == "f" and values.size:
        values.flat[number(values.size)] = float(kind)
    changed = {
        "axis": lambda: values[None],
        "big": lambda: values.astype(values.dtype.newbyteorder(">")),
        "complex": lambda: values.astype(complex),
        "double": lambda: values.astype(np.float64),
        "fewer": lambda: np.delete(values, row, axis=0),
        "fortran": lambda: np.asfortranarray(values),
        "more": lambda: np.concatenate([values, values[row : row + 1]]),
        "narrow": lambda: values[..., 1:] if values.ndim > 1 else values[1:],
        "pickled": lambda: values.astype(object),
        "records": lambda: values.astype([("a", values.dtype)]),
        "text": lambda: values.astype(str),
        "turned": lambda: values.T if values.ndim > 1 else values[::-1],
    }.get(kind, lambda: values)()
    stream = io.BytesIO()
    np.save(stream, changed, allow_pickle=kind == "pickled")
    return Damage(kind, stream.getvalue())


def _text(kind: str, data: bytes, number: Callable[[int], int], draw) -> Damage:
    if kind == "crlf":
        return Damage(kind, data.replace(b"\n", b"\r\n"))
    if kind == "mark":
        return Damage(kind, b"\xef\xbb\xbf" + data)
    if kind == "utf-16":
        return Damage(kind, data.decode("latin-1").encode("utf-16"))
    lines = data.split(b"\n")
    at, to = number(len(lines) - 1), number(len(lines) - 1)
    if kind == "line":
        return Damage(kind, b"\n".join(lines[:at] + lines[at + 1 :]))
    if kind == "twice":
        return Damage(kind, b"\n".join(lines[: at + 1] + lines[at:]))
    if kind == "lines":
        lines[at], lines[to] = lines[to], lines[at]
        return Damage(kind, b"\n".join(lines), ROWS)
    separator = max((b",", b";", b"\t", b" "), key=lines[len(lines) // 2].count)
    cells = lines[at].split(separator)
    first, second = number(len(cells)), number(len(cells))
    if kind == "columns":
        split = [line.split(separator) for line in lines]
        for fields in split:
            if len(fields) > max(first, second):
                fields[first], fields[second] = fields[second], fields[first]
        return Damage(kind, b"\n".join(separator.join(fields) for fields in split), COLUMNS)
    if kind == "cells":
        cells[first], cells[second] = cells[second], cells[first]
    elif kind == "cell":
        cells[first] = draw(st.sampled_from(CELLS)).encode()
    elif kind == "wider":
        cells.insert(first, cells[first])
    elif kind == "shorter":
        del cells[first]
    lines[at] = separator.join(cells)
    return Damage(kind, b"\n".join(lines), TWO)


def apply_damage(damage: Damage, path: Path) -> Callable[[], None]:
    """Does it, and gives what undoes it."""
    before, target = path.read_bytes(), path.with_name(damage.extra) if damage.extra else path
    if damage.data is None:
        target.unlink()
    else:
        target.write_bytes(damage.data)
    return target.unlink if damage.extra else lambda: path.write_bytes(before)


def check_message(message: str, kind: str, path: Path, folder: Path) -> None:
    """One sentence that names the file, or, where files contradict one another, one of them or their folder."""
    assert "\n" not in message
    assert not message.endswith(".")
    assert 20 < len(message) < 1000, f"{len(message)} characters"
    named = path.name in message or re.search(rf"\b{re.escape(path.stem)}\b", message)
    # Without its marker a synthetic corpus is taken for the real one, of which much is missing.
    contradiction = kind not in READABLE or path.name == MARKER
    assert named or (contradiction and str(folder) in message), message


def check_loaded(before, after, damage: Damage, free: str | None) -> None:
    """`after` is `before`, but for what `damage` and `free` allow.

    Args:
      before: the Recordings of the undamaged corpus.
      after: those of the damaged one.
      damage: what was done.
      free: the modality (or 'target') of the damaged file whose numbers, and number of steps, nothing else tells.
    """
    for name in ("corpus", "form", "synthetic", "labels"):
        assert getattr(after, name) == getattr(before, name), name
    assert {k: set(ids) for k, ids in after.draws.items()} == {k: set(ids) for k, ids in before.draws.items()}
    sides = [{k: [set(ids) for ids in fold] for k, fold in loaded.folds.items()} for loaded in (before, after)]
    assert sides[0] == sides[1]
    assert list(after.splits) == list(before.splits)
    changes: set[tuple] = set()
    for part, recordings in before.splits.items():
        # Their order is that of the file's lines, which may be told by nothing else.
        result = {recording.id: recording for recording in after.splits[part]}
        assert len(result) == len(after.splits[part])
        assert result.keys() == {recording.id for recording in recordings}
        for old in recordings:
            new = result[old.id]
            assert (new.group, new.steps) == (old.group, old.steps)
            assert [*new.features] == [*old.features]
            assert [*new.targets] == [*old.targets]
            for name, was in {**old.features, **old.targets}.items():
                now = {**new.features, **new.targets}[name]
                assert now.dtype == was.dtype
                assert np.isfinite(now).all() or np.isnan(was).any()
                place = "target" if name in old.targets else name
                if place == free:
                    assert now.ndim == was.ndim
                    assert now.shape[1:] == was.shape[1:]
                    assert len(now)
                    continue
                assert now.shape == was.shape, (old.id, name)
                changes |= {(old.id, place, *at) for at in np.argwhere(now != was).tolist()}
    rows = {(name, at[0]) for name, _, *at in changes}
    columns = {(place, *at[1:]) for _, place, *at in changes}
    counted = (len(changes), len(rows), len(columns))
    assert all(n <= most for n, most in zip(counted, damage.reach, strict=True)), sorted(changes)[:10]
    assert len({place for _, place, *_ in changes}) <= 1


def patch_builds(patch) -> None:
    """Makes `load` run without TFDS' files: the builders read, and what they give is handed over as it is."""
    builders: dict = {}

    def build_in_memory(builder_cls, *, config, data_dir, manual_dir, source):
        key = (builder_cls, str(config), manual_dir)
        if key not in builders:
            builders[key] = builder_cls(config=config, data_dir=data_dir)
        builder = builders[key]
        builder.info.metadata.clear()
        parts = builder._split_generators(SimpleNamespace(manual_dir=manual_dir))
        splits = {split: [encode_example(example) for _, example in members] for split, members in parts.items()}
        info = SimpleNamespace(metadata=builder.info.metadata, splits=splits)
        return SimpleNamespace(info=info, builder_config=builder.builder_config)

    patch.setattr(build, "build_once", build_in_memory)
    patch.setattr(build, "read_examples", lambda builder, split: builder.info.splits[split])


def encode_example(example):
    if isinstance(example, dict):
        return {name: encode_example(value) for name, value in example.items()}
    return example.encode() if isinstance(example, str) else example
