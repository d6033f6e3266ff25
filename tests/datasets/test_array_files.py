"""Arrays of every kind of file come back as they were written; what is too large, pickled or no array is refused."""

import pickle
import zipfile

import h5py
import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affect_jax.datasets import array_files
from affect_jax.errors import UserError
from tests.datasets import fuzzing

VALUES = np.random.default_rng(0).normal(size=(5, 3))


def write_hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values


def write_matlab_hdf5(path, **arrays):
    """As MATLAB 7.3 does: 512 bytes of its own, reversed axes, the type as an attribute, references in a group."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays.items():
            file[name] = np.asarray(values).T
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
        file["#refs#/a"] = np.zeros(2)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")


WRITERS = {
    "npy": lambda path, x: np.save(path, x),
    "npz": lambda path, x: np.savez(path, x=x),
    "compressed.npz": lambda path, x: np.savez_compressed(path, x=x),
    "h5": lambda path, x: write_hdf5(path, x=x),
    "hdf5": lambda path, x: write_hdf5(path, **{"group/x": x}),
    "mat": lambda path, x: scipy.io.savemat(path, {"x": x}, do_compression=True),
    "4.mat": lambda path, x: scipy.io.savemat(path, {"x": x}, format="4"),
    "73.mat": lambda path, x: write_matlab_hdf5(path, x=x),
}


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.uint8])
def test_what_is_read_is_what_was_written(tmp_path, kind, dtype):
    path, values = tmp_path / f"a.{kind}", (100 * np.abs(VALUES)).astype(dtype)
    WRITERS[kind](path, values)
    np.testing.assert_array_equal(array_files.read_array(path), values)
    ((name, header),) = array_files.list_arrays(path).items()
    assert header.shape == (5, 3)
    np.testing.assert_array_equal(array_files.read_array(path, name), values)


@pytest.mark.parametrize("suffix", ["npz", "h5", "mat"])
def test_one_of_several_is_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write = {"npz": np.savez, "h5": write_hdf5, "mat": lambda path, **arrays: scipy.io.savemat(path, arrays)}[suffix]
    write(path, voice=VALUES, face=VALUES[:, :2])
    np.testing.assert_array_equal(array_files.read_array(path, "face"), VALUES[:, :2])
    assert array_files.read_arrays(path).keys() == {"voice", "face"}
    with pytest.raises(UserError, match=r"has 2 arrays \(face, voice\), expected one; .* name it in config.corpus.ar"):
        array_files.read_array(path)
    with pytest.raises(UserError, match=r"has no array 'fase' \(did you mean 'face'\?\); it has face, voice"):
        array_files.read_array(path, "fase")


def test_what_is_no_array_beside_one(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"x": VALUES, "who": "anna", "info": {"rate": 25}})
    np.testing.assert_array_equal(array_files.read_array(tmp_path / "a.mat"), VALUES)
    write_hdf5(tmp_path / "a.h5", x=VALUES, ids=["a", "bb"])
    np.testing.assert_array_equal(array_files.read_array(tmp_path / "a.h5"), VALUES)
    assert array_files.read_array(tmp_path / "a.h5", "ids", kinds="U").tolist() == ["a", "bb"]


def write_member(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", content)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.npz", lambda p: np.savez(p, x=np.array([{}])), "'x' is made of Python objects, which could run code"),
        ("a.npz", lambda p: write_member(p, b"notes"), "'x' is no array"),
        ("a.npz", lambda p: write_member(p, pickle.dumps(3)), "'x' is no array"),
        ("a.npz", lambda p: np.savez(p, x=np.array(["x"])), "holds an array of <U1 .*, expected numbers"),
        ("a.npz", lambda p: np.savez(p), r"has 0 arrays"),
        ("a.npz", lambda p: p.write_bytes(b"PK nothing"), "is not a whole npz file of plain arrays"),
        ("a.h5", lambda p: p.write_bytes(b"nothing"), "is not a whole HDF5 file of plain arrays"),
        ("a.h5", lambda p: write_hdf5(p, x=np.array([(1, 2.0)], "i4,f4")), r"holds an array of .*, expected numbers"),
        ("a.mat", lambda p: p.write_bytes(b"nothing"), "is not a whole MATLAB file of plain arrays"),
        ("a.mat", lambda p: scipy.io.savemat(p, {"x": VALUES + 1j}), "holds an array of complex128"),
        ("a.mat", lambda p: scipy.io.savemat(p, {"x": {"y": VALUES}}), "'x' is a MATLAB struct, not a matrix"),
        ("a.npz", lambda p: p.mkdir(), "a.npz is missing"),
        ("a.txt", lambda p: p.write_text("1"), "is no file of arrays; name a file that ends in .npy, .npz, .h5"),
    ],
)
def test_refuses(tmp_path, name, write, message):
    write(tmp_path / name)
    with pytest.raises(UserError, match=message):
        array_files.read_array(tmp_path / name)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_announced_size_is_bounded_before_anything_is_unpacked(tmp_path, kind, monkeypatch):
    path = tmp_path / f"a.{kind}"
    WRITERS[kind](path, np.zeros((1000, 500)))
    assert array_files.read_array(path, largest_file=4).shape == (1000, 500)
    chosen = array_files._choose_format(path)
    monkeypatch.setattr(array_files, "_choose_format", lambda path: chosen._replace(read=None))
    with pytest.raises(UserError, match=r"announces 4 MB of arrays, and 3.9 MB are allowed; .*config.corpus.largest_f"):
        array_files.read_array(path, largest_file=3.9)


@pytest.mark.parametrize("kind", WRITERS)
def test_damaged_files_give_the_same_array_or_an_error(tmp_path_factory, kind):
    """npz has checksums; the others may show single other numbers, but never another shape without a word."""
    path = tmp_path_factory.mktemp("fuzz") / f"a.{kind}"
    WRITERS[kind](path, VALUES)
    data = path.read_bytes()

    @settings(
        derandomize=not fuzzing.LONG,
        database=None,
        max_examples=fuzzing.LONG or 40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def read_damaged(draw):
        at = draw.draw(st.integers(0, len(data) - 1))
        is_cut = draw.draw(st.booleans())
        path.write_bytes(data[:at] if is_cut else fuzzing.flip(data, at, draw.draw(st.integers(0, 7))))
        try:
            values = array_files.read_array(path)
        except UserError as error:
            fuzzing.check_message(str(error), "bit", path, path.parent)
        else:
            if kind.endswith("npz"):
                np.testing.assert_array_equal(values, VALUES)

    read_damaged()
