"""Pickles of every protocol give what Python's own unpickler gives, and nothing that they name is called."""

import builtins
import collections
import os
import pickle
import pickletools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from affect_jax.datasets.arrays import pickle_reader
from affect_jax.errors import UserError
from tests.datasets import fuzzing

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
ARRAY = np.arange(6, dtype=np.float32).reshape(2, 3)
VALUES = {
    "arrays": [ARRAY, ARRAY.T, np.asfortranarray(ARRAY), ARRAY[:, ::2], ARRAY.astype(">f8"), np.zeros((0, 3))],
    "kinds": [ARRAY.astype(kind) for kind in ("f2", "f4", "f8", "i1", "i8", "u2", "bool")],
    "text": np.array(["a$_$1", "Grüße", ""]),
    "bytes": np.array([b"vid", b"0.5"]),
    "objects": np.array(["a", 1, None], dtype=object),
    "numbers": [1, -1, 255, 70000, 2**40, -(2**70), 1.5, float("-inf"), True, False, None],
    "scalars": [np.float32(1.5), np.int64(-3), np.str_("x"), np.bool_(True)],
    "words": ("x", "ü", "line\nbreak\\", b"\x00\xff", b"", bytearray(b"xy"), ()),
    "nested": {"a": {1: [({}, [])]}},
    "ordered": collections.OrderedDict(a=1, b=[2]),
    "twice": [ARRAY, ARRAY],
}


def read(tmp_path, data):
    path = tmp_path / "a.pkl"
    path.write_bytes(data)
    return pickle_reader.read_pickle(path)


def check_equal(mine, true):
    """Arrays equal in type, shape and values; lists instead of arrays of objects; bytes for whatever holds bytes."""
    if isinstance(true, np.ndarray) and true.dtype.kind == "O":
        true = true.tolist()
    if isinstance(true, np.ndarray):
        assert mine.dtype == true.dtype
        np.testing.assert_array_equal(mine, true)
    elif isinstance(true, np.generic):
        assert mine == true.item()
    elif isinstance(true, dict):
        assert type(mine) is dict
        assert [*mine] == [*true]
        for key in true:
            check_equal(mine[key], true[key])
    elif isinstance(true, list | tuple):
        assert type(mine) is type(true)
        assert len(mine) == len(true)
        for a, b in zip(mine, true, strict=True):
            check_equal(a, b)
    elif isinstance(true, bytes | bytearray):
        assert bytes(mine) == true
    else:
        assert (type(mine), mine) == (type(true), true)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", VALUES)
def test_what_is_read_is_what_was_pickled(tmp_path, name, protocol):
    if name == "words" and protocol < 5:  # before, a bytearray is a call
        check_equal(read(tmp_path, pickle.dumps(VALUES[name][:5], protocol)), VALUES[name][:5])
        return
    data = pickle.dumps(VALUES[name], protocol)
    check_equal(read(tmp_path, data), VALUES[name])
    # numpy 1 and numpy 2 have these functions in other modules.
    if protocol < 4:
        check_equal(read(tmp_path, data.replace(b"numpy._core.", b"numpy.core.")), VALUES[name])


def test_pickles_of_python_2(tmp_path):
    """Written by hand as Python 2 does: an array's bytes, and all text, as STRING or SHORT_BINSTRING."""
    text = (
        b"(dp0\nS'train'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\n"
        b"Rp7\n(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'u1'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'|'\np13\nNNNI-1\nI-1\nI0\n"
        b"tp14\nbI00\nS'\\x07\\xff'\np15\ntp16\nbs."
    )
    check_equal(read(tmp_path, text), {"train": np.array([7, 255], np.uint8)})
    binary = b"\x80\x02}q\x00U\x05labelq\x01U\x02\xe9xq\x02s."
    assert read(tmp_path, binary) == {"label": "éx"}


def calls(module, name, *arguments):
    """A pickle that calls module.name(*arguments)."""

    class Call:
        def __reduce__(self):
            return eval(f"__import__({module!r}, fromlist=['x']).{name}"), arguments  # noqa: S307 - of this test alone

    return Call


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("os", "system", ("touch {}",)),
        ("builtins", "eval", ("open({!r}, 'w')",)),
        ("builtins", "exec", ("open({!r}, 'w')",)),
        ("builtins", "getattr", (os, "system")),
        ("numpy", "load", ("{}", None, True)),
        ("numpy", "fromfile", ("{}",)),
        ("subprocess", "getoutput", ("touch {}",)),
        ("builtins", "open", ("{}", "w")),
        ("importlib", "import_module", ("antigravity",)),
        ("pickle", "loads", (b"",)),
        ("functools", "partial", (os.system, "touch {}")),
    ],
)
def test_nothing_is_called_by_name(tmp_path, module, name, arguments, protocol):
    marker = tmp_path / "ran"
    arguments = tuple(x.format(str(marker)) if isinstance(x, str) else x for x in arguments)
    if module == "builtins" and name == "getattr":
        arguments = ("text", "upper")
    for value in (calls(module, name, *arguments)(), {"train": {"text": [calls(module, name, *arguments)()]}}):
        with pytest.raises(
            UserError, match=rf"a\.pkl holds '\w+\.{name}', and loading that could run code: only arrays"
        ):
            read(tmp_path, pickle.dumps(value, protocol))
        hidden = np.array([value], dtype=object)  # in the content of an array of objects
        with pytest.raises(UserError, match="could run code"):
            read(tmp_path, pickle.dumps(hidden, protocol))
    assert not marker.exists()


def test_no_name_gets_past_the_list(tmp_path):
    """Names are compared as a pair, whatever tricks split or shade them."""
    for name in (
        b"cnumpy.core.multiarray\n_reconstruct.__globals__\n",
        b"cnumpy\ndtype.__class__\n",
        b"cnumpy.core\nmultiarray\n",
        b"cnumpy core.multiarray\nscalar\n",
        b"cos\nsystem\n",
        b"ios\nsystem\n",
        b"c\n\n",
    ):
        with pytest.raises(UserError, match=r"could run code|not a whole pickle"):
            read(tmp_path, b"(" + name + b"S'true'\ntR.")
    for opcode in (b"\x81", b"o", b"\x92", b"\x82\x01", b"P1\n", b"Q", b"\x8f", b"\x97"):
        with pytest.raises(UserError, match=r"could run code|not a whole pickle"):
            read(tmp_path, b"\x80\x04)N" + opcode + b".")
    assert set(builtins.__dict__) - {name for _, name in pickle_reader.pickled_arrays.KNOWN} > {"eval", "exec", "open"}


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"abc.",  # bytes of 4 exabytes
        b"\x80\x04\x8e" + (2**63 - 1).to_bytes(8, "little") + b".",
        b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".",
        b"\x80\x04\x8d" + (2**40).to_bytes(8, "little") + b".",
        b"\x80\x02X" + (2**32 - 1).to_bytes(4, "little") + b".",
        b"\x80\x02\x8b" + (2**31 - 1).to_bytes(4, "little") + b".",
        b"\x80\x04\x95" + (2**62).to_bytes(8, "little") + b"c.",
        b"\x80\x02Nr" + (2**32 - 1).to_bytes(4, "little") + b"r" + (2**31).to_bytes(4, "little") + b"(.",
        b"\x80\x02]" + b"2a" * 1000 + b"(",
    ],
)
def test_announced_sizes_take_no_memory(tmp_path, data):
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="is not a whole pickle of arrays"):
            read(tmp_path, data)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_shapes_that_bytes_do_not_have(tmp_path):
    data = pickle.dumps(ARRAY, 2)
    for shape in (b"K\x02K\x04", b"K\x03K\x03", b"J\xff\xff\xff\xffK\x06"):
        with pytest.raises(UserError, match="is not a whole pickle of arrays"):
            read(tmp_path, data.replace(b"K\x02K\x03", shape))
    empty = pickle.dumps(np.zeros((1, 0)), 2)
    with pytest.raises(UserError, match="an array of the shape"):
        read(tmp_path, empty.replace(b"K\x01K\x00\x86", b"J\xff\xff\xff\x7fK\x00\x86"))


def test_endless_pickles_end(tmp_path, monkeypatch):
    monkeypatch.setattr(pickle_reader, "MOST_STEPS", 1000)
    with pytest.raises(UserError, match=r"has more than 1,000 single values; save it with numpy.savez"):
        read(tmp_path, pickle.dumps([*range(2000)], 4))


@pytest.mark.parametrize("value", [np.zeros(2, complex), np.zeros(2, [("a", "f4")]), np.zeros(2, "M8[D]"), {1, 2}])
def test_other_types_are_refused(tmp_path, value):
    with pytest.raises(UserError, match=r"a\.pkl (is not a whole pickle of arrays|has the instruction|holds)"):
        read(tmp_path, pickle.dumps(value, 4))


def test_large_blocks_stay_in_the_file(tmp_path):
    values = np.zeros((1000, 1000))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"x": values}, 4))
    tracemalloc.start()
    try:
        mine = pickle_reader.read_pickle(tmp_path / "a.pkl")["x"]
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(mine, values)
    assert not mine.flags.writeable


@fuzzing.few(60)
@given(
    st.integers(0, 5),
    arrays_of.arrays(
        st.sampled_from(["f4", "i8", "U3", "S2", "bool", ">f8"]),
        arrays_of.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3).filter(lambda shape: shape[0] or True),
    ),
)
def test_any_array_comes_back(tmp_path_factory, protocol, values):
    if values.size == 0 and values.shape[0]:
        return  # an empty array is only read with no items
    check_equal(read(tmp_path_factory.mktemp("a"), pickle.dumps({"a": values}, protocol)), {"a": values})


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_damaged_pickles_are_refused_or_hold_plain_values(tmp_path_factory, protocol):
    """A pickle has no checksum, so that other numbers may come; but never another kind of error, and never a call."""
    data = pickle.dumps({"train": {"text": ARRAY, "id": ["a$_$1", "b"], "labels": np.float32(2)}}, protocol)
    path = tmp_path_factory.mktemp("damaged") / "a.pkl"
    at_opcode = [position for _, _, position in pickletools.genops(data)]

    @fuzzing.few(80)
    @given(st.data())
    def read_damaged(draw):
        at = draw.draw(st.sampled_from(at_opcode) | st.integers(0, len(data) - 1))
        kind = draw.draw(st.sampled_from(["flip", "cut", "opcode", "twice", "gone"]))
        changed = {
            "flip": lambda: fuzzing.flip(data, at, draw.draw(st.integers(0, 7))),
            "cut": lambda: data[:at],
            "opcode": lambda: (
                data[:at] + draw.draw(st.sampled_from([*pickletools.code2op])).encode("latin-1") + data[at + 1 :]
            ),
            "twice": lambda: data[:at] + data[at // 2 : at] + data[at:],
            "gone": lambda: data[:at] + data[at + 1 + draw.draw(st.integers(0, 5)) :],
        }[kind]()
        try:
            read(path.parent, changed)
        except UserError as error:
            fuzzing.check_message(str(error), "bit", path, path.parent)

    read_damaged()
