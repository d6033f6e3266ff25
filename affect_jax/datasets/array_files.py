"""Arrays in npy, npz, HDF5 and MATLAB files: listed by their headers, of bounded size, never unpickled.

    list_arrays(path)                      name -> shape and type, from headers alone
    read_array(path, name=None)            the only array, or the one of this name
    read_arrays(path, names=None)          several at once

MATLAB 7.3 writes HDF5 with reversed axes, which are turned back; MATLAB's own variables (`__header__`, `#refs#`) are
ignored. HDF5 arrays inside groups are named by their path, `group/array`.
"""

import math
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import npy_files
from affect_jax.datasets.release_files import quote_values, require_file
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.runtime.file_kinds import name_file

SUFFIXES = (".npy", ".npz", ".h5", ".hdf5", ".mat")
LARGEST_FILE = 500
"""MB (millions of bytes) that a file may hold when it is unpacked, unless a caller says otherwise."""
NUMBERS = "fiu"
"""Kinds of dtypes that are numbers."""
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MATLAB_TYPES = {"double": "f8", "single": "f4"} | {
    f"{u}int{n}": f"{u[:1] or 'i'}{n // 8}" for u in ("", "u") for n in (8, 16, 32, 64)
}
_MOST_NAMED = 8


class ArrayHeader(NamedTuple):
    """What a file says about one of its arrays.

    Attributes:
      shape: of the array, as `read_array` gives it.
      dtype: of the array; None where it is no plain array.
      fault: why it is no plain array, in words that follow "is"; '' where it is one.
    """

    shape: tuple[int, ...]
    dtype: np.dtype | None
    fault: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of the array in memory."""
        return math.prod(self.shape) * (self.dtype.itemsize if self.dtype is not None else 1)


def list_arrays(path: Path) -> dict[str, ArrayHeader]:
    """Name -> header of everything in the file; the array of an npy file has the file's name without suffix.

    Raises:
      UserError: the file is missing, damaged, or of another kind.
    """
    require_file(path, "a file of arrays")
    try:
        return _choose_format(path).list(path)
    except UserError:
        raise
    except Exception as error:  # zipfile, zlib, numpy, h5py and scipy raise many types for a damaged file
        raise _make_damage_error(path, error) from error


def read_arrays(
    path: Path, names: Iterable[str] | None = None, *, kinds: str = NUMBERS, largest_file: float = LARGEST_FILE
) -> dict[str, np.ndarray]:
    """Reads arrays by name.

    Args:
      path: npy, npz, h5, hdf5 or mat.
      names: which; None for all.
      kinds: numpy's kinds of dtypes that are expected: 'f', 'i', 'u' for numbers, 'b', and 'U', 'S' for text.
      largest_file: MB that these arrays may take together, see `LARGEST_FILE`. It is checked before any is read.

    Raises:
      UserError: the file is missing, damaged or too large; or an array is missing, pickled or of another kind.
    """
    headers = list_arrays(path)
    return _read_listed(path, headers, list(headers if names is None else names), kinds, largest_file)


def _read_listed(
    path: Path, headers: Mapping[str, ArrayHeader], wanted: list[str], kinds: str, largest_file: float
) -> dict[str, np.ndarray]:
    for name in wanted:
        _check_header(path, name, headers, kinds)
    megabytes = sum(headers[name].nbytes for name in wanted) / 1e6
    if megabytes > largest_file:
        raise make_size_error(path, megabytes, largest_file, " of arrays")
    try:
        arrays = _choose_format(path).read(path, wanted)
    except UserError:
        raise
    except Exception as error:  # as above
        raise _make_damage_error(path, error) from error
    for name, values in arrays.items():
        # MATLAB's header does not tell complex numbers from real ones.
        _check_header(path, name, {name: ArrayHeader(values.shape, values.dtype)}, kinds)
        if values.shape != headers[name].shape:
            raise UserError(
                f"{path} has for {quote_values(name)} the shape {list(values.shape)}, but its header announces"
                f" {list(headers[name].shape)}; write it again"
            )
    return arrays


def read_array(
    path: Path, name: str | None = None, *, kinds: str = NUMBERS, largest_file: float = LARGEST_FILE
) -> np.ndarray:
    """Reads one array: the only one, or of several the one of this name; see `read_arrays`.

    Raises:
      UserError: as `read_arrays`; or there are several arrays and no name.
    """
    if path.suffix.lower() == ".npy":
        values = npy_files.map_array(path)
        if values.nbytes > 1e6 * largest_file:
            raise make_size_error(path, values.nbytes / 1e6, largest_file, " of arrays")
        return np.array(values)
    headers = list_arrays(path)
    if len(headers) == 1:
        name = next(iter(headers))
    elif name is None:
        plain = [key for key, header in headers.items() if header.dtype is not None and header.dtype.kind in kinds]
        if len(plain) != 1 or path.suffix.lower() == ".npz":
            raise UserError(
                f"{path} has {len(headers)} arrays ({_join_names(headers)}), expected one; write one, or name it in"
                " config.corpus.array"
            )
        name = plain[0]
    return _read_listed(path, headers, [name], kinds, largest_file)[name]


def make_size_error(path: Path, megabytes: float, largest_file: float, content: str = "") -> UserError:
    """The error for a file that would take more memory than is allowed."""
    return UserError(
        f"{path} announces {megabytes:,.0f} MB{content}, and {largest_file:g} MB are allowed; if this is right, set"
        " config.corpus.largest_file higher"
    )


def _join_names(names: Iterable[str]) -> str:
    names = sorted(quote_values(name).strip("'") for name in names)
    return ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")


def _check_header(path: Path, name: str, headers: Mapping[str, ArrayHeader], kinds: str) -> None:
    if name not in headers:
        raise UserError(
            f"{path} has no array {quote_values(name)}{suggest_nearest(name, headers)}; it has"
            f" {_join_names(headers) or 'none'}"
        )
    header = headers[name]
    if header.fault:
        raise UserError(f"{path}: {quote_values(name)} is {header.fault}; write it again as a plain array of numbers")
    if header.dtype.kind not in kinds:
        raise UserError(
            f"{path} holds an array of {header.dtype} ({quote_values(name)}), expected"
            f" {'numbers' if set(kinds) <= set('fiu') else 'numbers or text'}; write it again"
        )


def _make_damage_error(path: Path, error: Exception) -> UserError:
    kind = {".npz": "npz", ".npy": "npy", ".mat": "MATLAB"}.get(path.suffix.lower(), "HDF5")
    reason, content = " ".join(str(error).split())[:200], name_file(path)
    if content and kind not in content and content != "a zip archive":
        return UserError(f"{path} is {content}, although it is called {path.suffix[1:]}; name it so, or write it again")
    writer = {"npz": "; write it with numpy.savez", "npy": "; write it with numpy.save"}.get(kind, "; write it again")
    return UserError(f"{path} is not a whole {kind} file of plain arrays ({type(error).__name__}: {reason}){writer}")


class _Format(NamedTuple):
    """How a kind of file is listed and read."""

    list: Callable[[Path], dict[str, ArrayHeader]]
    read: Callable[[Path, list[str]], dict[str, np.ndarray]]


def _choose_format(path: Path) -> _Format:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return _Format(_list_npy, lambda path, names: {name: np.array(npy_files.map_array(path)) for name in names})
    if suffix == ".npz":
        return _Format(_list_npz, _read_npz)
    if suffix in (".h5", ".hdf5"):
        return _Format(_list_hdf5, _read_hdf5)
    if suffix != ".mat":
        raise UserError(f"{path} is no file of arrays; name a file that ends in {', '.join(SUFFIXES)}")
    with path.open("rb") as file:
        file.seek(512)  # MATLAB 7.3 puts its own text before the HDF5 file
        is_hdf5 = file.read(8) == _HDF5
    return _Format(_list_matlab_hdf5, _read_matlab_hdf5) if is_hdf5 else _Format(_list_matlab, _read_matlab)


def _list_npy(path: Path) -> dict[str, ArrayHeader]:
    values = npy_files.map_array(path)
    return {path.stem: ArrayHeader(values.shape, values.dtype)}


def _list_npz(path: Path) -> dict[str, ArrayHeader]:
    headers = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name in headers:
                raise UserError(f"{path} has two arrays called {quote_values(name)}; write it with numpy.savez")
            with archive.open(member) as file:
                headers[name] = _read_npy_header(file, member.file_size)
    return headers


def _read_npy_header(file: zipfile.ZipExtFile, size: int) -> ArrayHeader:
    """`size`: bytes of the member, unpacked, as the archive announces them."""
    try:
        version = np.lib.format.read_magic(file)
    except ValueError:
        return ArrayHeader((size,), None, "no array")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        return ArrayHeader(shape, None, "made of Python objects, which could run code and are never loaded")
    if math.prod(shape) * dtype.itemsize + file.tell() != size:
        return ArrayHeader((size,), None, f"damaged: its header announces {list(shape)} {dtype}, which is not its size")
    return ArrayHeader(shape, dtype)


def _read_npz(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        for name in names:
            with archive.open(members[name]) as file:
                arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
                file.read()  # the checksum is compared at the end
    return arrays


def _list_hdf5(path: Path) -> dict[str, ArrayHeader]:
    import h5py  # takes .2 s, which only those who read such files should wait for

    headers: dict[str, ArrayHeader] = {}

    def add(name: str, node: h5py.HLObject) -> None:
        if isinstance(node, h5py.Dataset):
            text = h5py.check_string_dtype(node.dtype)
            dtype = np.dtype("U") if text is not None else node.dtype
            is_plain = node.shape is not None and not dtype.hasobject
            headers[name] = (
                ArrayHeader(node.shape, dtype) if is_plain else ArrayHeader((), None, f"no plain array ({node.dtype})")
            )

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return headers


def _read_hdf5(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    import h5py

    with h5py.File(path, "r") as file:
        return {
            name: np.asarray(file[name].asstr()[()], str)
            if h5py.check_string_dtype(file[name].dtype) is not None
            else np.asarray(file[name][()])
            for name in names
        }


def _list_matlab_hdf5(path: Path) -> dict[str, ArrayHeader]:
    import h5py

    headers = {}
    with h5py.File(path, "r") as file:
        for name, header in _list_hdf5(path).items():
            if name.startswith("#"):
                continue
            kind = file[name].attrs.get("MATLAB_class", b"double")
            kind = kind.decode() if isinstance(kind, bytes) else str(kind)
            if "MATLAB_empty" in file[name].attrs:
                headers[name] = ArrayHeader((0,), None, "empty")
            elif kind not in _MATLAB_TYPES:
                headers[name] = ArrayHeader((), None, f"a MATLAB {kind}, not a matrix of numbers")
            else:
                headers[name] = header._replace(shape=header.shape[::-1])
    return headers


def _read_matlab_hdf5(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    return {name: values.T for name, values in _read_hdf5(path, names).items()}


def _list_matlab(path: Path) -> dict[str, ArrayHeader]:
    import scipy.io

    return {
        name: ArrayHeader(shape, np.dtype(_MATLAB_TYPES[kind]))
        if kind in _MATLAB_TYPES
        else ArrayHeader((), None, f"a MATLAB {kind}, not a matrix of numbers")
        for name, shape, kind in scipy.io.whosmat(path)
    }


def _read_matlab(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    import scipy.io

    variables = scipy.io.loadmat(path, variable_names=names)
    return {name: np.asarray(variables[name]) for name in names}
