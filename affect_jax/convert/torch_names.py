"""Weights by the names of another program: tables from its names to our paths, read and written exactly.

A table (`Names`) is made of pieces, each of which knows what a layer of PyTorch or Keras calls its arrays:

    {**dense("fc1", "head/dense_0"), **lstm("rnn", "text_lstm"), **batch_norm("norm", "norm"), **array("bias", "bias")}

Our paths are written with slashes and begin below the collection. PyTorch has a linear weight as [out, in] and a
convolution's as [out, in, k..]; here they are [in, out] and [k.., in, out]. Gates keep their order (i, f, g, o of an
LSTM; r, z, n of a GRU), as do the two biases.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError, suggest_nearest

Variables = dict[str, Any]


class Layout(NamedTuple):
    """How an array is turned from theirs into ours, and back.

    Attributes:
      read: their array -> ours; raises ValueError where its axes do not fit.
      write: our array -> theirs.
      axes: how many theirs has; None for any number.
    """

    read: Callable[[np.ndarray], np.ndarray]
    write: Callable[[np.ndarray], np.ndarray]
    axes: int | None = None


class Weight(NamedTuple):
    """One array of the other program.

    Attributes:
      path: of ours: collection, submodules, leaf; () for an array that we do not keep.
      layout: between the two.
      constant: what is written where we do not keep it.
      index: of ours along its first axis, where layers that are alike are stacked for a scan; None where they are not.
    """

    path: tuple[str, ...]
    layout: Layout
    constant: np.ndarray | None = None
    index: int | None = None


Names = dict[str, Weight]
"""Name in the other program -> where it lies."""

SAME = Layout(np.asarray, np.asarray)
TRANSPOSED = Layout(np.transpose, np.transpose, 2)
CONV_1D = Layout(lambda x: x.transpose(2, 1, 0), lambda x: x.transpose(2, 1, 0), 3)
CONV_2D = Layout(lambda x: x.transpose(2, 3, 1, 0), lambda x: x.transpose(3, 2, 0, 1), 4)
# A kernel of one step is a dense layer.
POINT_1D = Layout(lambda x: x.squeeze(2).T, lambda x: x.T[:, :, None], 3)
POINT_2D = Layout(lambda x: x.squeeze((2, 3)).T, lambda x: x.T[:, :, None, None], 4)
POINT_3D = Layout(lambda x: x.squeeze((2, 3, 4)).T, lambda x: x.T[:, :, None, None, None], 5)


def array(name: str, path: str, layout: Layout = SAME, collection: str = "params") -> Names:
    """One array, at `path`."""
    return {name: Weight((collection, *path.split("/")), layout)}


def constant(name: str, value: Any) -> Names:
    """An array that we do not keep, such as a counter: whatever is read is dropped, and `value` is written."""
    return {name: Weight((), SAME, np.asarray(value))}


def number(names: Names, index: int) -> Names:
    """The names of layer `index` of several that are alike and lie stacked at the same paths of ours."""
    return {name: weight._replace(index=index) for name, weight in names.items()}


def dense(name: str, path: str, *, bias: bool = True, layout: Layout = TRANSPOSED) -> Names:
    """A linear layer or convolution: `weight` -> `kernel`, and `bias`."""
    names = array(f"{name}.weight", f"{path}/kernel", layout)
    return names | array(f"{name}.bias", f"{path}/bias") if bias else names


def layer_norm(name: str, path: str) -> Names:
    """Layer norm: `weight` -> `scale`, and `bias`."""
    return array(f"{name}.weight", f"{path}/scale") | array(f"{name}.bias", f"{path}/bias")


def batch_norm(name: str, path: str) -> Names:
    """Batch norm: scale, bias, running moments; its counter is not kept."""
    moments = {"running_mean": "mean", "running_var": "var"}
    names = layer_norm(name, path) | constant(f"{name}.num_batches_tracked", np.int64(0))
    for theirs, ours in moments.items():
        names |= array(f"{name}.{theirs}", f"{path}/{ours}", collection="batch_stats")
    return names


def embedding(name: str, path: str) -> Names:
    """A table of embeddings, [words, D] in both."""
    return array(f"{name}.weight", f"{path}/embedding")


def recurrent(name: str, path: str, *, bidirectional: bool = False, suffix: str = "_l0") -> Names:
    """One layer of an LSTM or GRU; `suffix` is '_l1' for the second layer and '' for a cell."""
    names: Names = {}
    for way in ("", "_reverse")[: 1 + bidirectional]:
        for kind, layout in (("weight", TRANSPOSED), ("bias", SAME)):
            for side in ("ih", "hh"):
                names |= array(f"{name}.{kind}_{side}{suffix}{way}", f"{path}/{kind}_{side}{way}", layout)
    return names


def attention(name: str, path: str) -> Names:
    """Multi-head attention: one matrix [3D, D] for query, key and value, in this order, and the output's."""
    return {
        **array(f"{name}.in_proj_weight", f"{path}/in_proj/kernel", TRANSPOSED),
        **array(f"{name}.in_proj_bias", f"{path}/in_proj/bias"),
        **dense(f"{name}.out_proj", f"{path}/out_proj"),
    }


def read_weights(names: Names, arrays: Mapping[str, np.ndarray], expected: Variables, method: str) -> Variables:
    """Our variables, float32, from the other program's arrays: all of them, and nothing else.

    Args:
      names: the table.
      arrays: by the other program's names.
      expected: the shapes of our variables, as `folder.trace_variables` has them.
      method: its name, for messages.

    Raises:
      UserError: an array is missing, unknown, of another shape, or not finite numbers; or our model has one that the
        table lacks.
    """
    for name in arrays:
        if name not in names:
            raise UserError(
                f"there is an array {name!r}{suggest_nearest(name, names)}, which {method} of these sizes does not "
                "have; leave it out, or convert it as another method or with other arguments"
            )
    variables: Variables = {}
    for name, weight in names.items():
        if name not in arrays:
            raise UserError(f"the array {name!r} of {method} is missing; give the whole state dict")
        if not weight.path:
            continue
        shape = getattr(_get_at(expected, weight.path), "shape", None)
        if shape is None:
            raise UserError(f"the array {name!r} has no place in our {method}; convert it with other arguments")
        if weight.index is None:
            _set_at(variables, weight.path, _read_array(name, np.asarray(arrays[name]), weight.layout, shape))
            continue
        layers = _get_at(variables, weight.path)
        if layers is None:
            layers = np.zeros(shape, np.float32)
            _set_at(variables, weight.path, layers)
        layers[weight.index] = _read_array(name, np.asarray(arrays[name]), weight.layout, shape[1:])
    _check_whole(expected, variables, method)
    return variables


def write_weights(names: Names, variables: Variables) -> dict[str, np.ndarray]:
    """The other program's arrays from our variables; the inverse of `read_weights`."""
    arrays = {}
    for name, weight in names.items():
        if weight.path:
            ours = np.asarray(_get_at(variables, weight.path))
            value = weight.layout.write(ours if weight.index is None else ours[weight.index])
        else:
            value = weight.constant
        arrays[name] = np.ascontiguousarray(value) if value.ndim else value
    return arrays


def get_shape(arrays: Mapping[str, np.ndarray], name: str, axes: int = 2) -> tuple[int, ...]:
    """The shape of an array that sizes are read from.

    Raises:
      UserError: it is missing, or has another number of axes.
    """
    if name not in arrays:
        raise UserError(f"the array {name!r} is missing; give the whole state dict")
    shape = np.shape(arrays[name])
    if len(shape) != axes:
        raise UserError(f"the array {name!r} has shape {list(shape)}, but needs {axes} axes; mend it")
    return shape


def _read_array(name: str, value: np.ndarray, layout: Layout, shape: tuple[int, ...]) -> np.ndarray:
    try:
        ours = layout.read(value) if layout.axes in (None, value.ndim) else None
    except ValueError:
        ours = None
    if ours is None or ours.shape != tuple(shape):
        fitting = layout.write(np.empty(shape, np.bool_)).shape
        raise UserError(
            f"the array {name!r} has shape {list(value.shape)}, but {list(fitting)} fits the other arrays and the "
            "arguments; give the weights of one model, or the arguments that it was made with"
        )
    if value.dtype.kind in "fiu":
        with np.errstate(over="ignore"):
            ours = np.ascontiguousarray(ours, np.float32)
    if value.dtype.kind not in "fiu" or not np.isfinite(ours).all():
        raise UserError(f"the array {name!r} holds {value.dtype} that are not all finite numbers in float32; mend it")
    return ours


def _check_whole(expected: Variables, variables: Variables, method: str, path: str = "") -> None:
    for key, value in expected.items():
        where = f"{path}/{key}" if path else key
        if key not in variables:
            raise UserError(
                f"our {method} of these sizes has {where!r}, for which there is no array; mend the arguments"
            )
        if isinstance(value, Mapping):
            _check_whole(value, variables[key], method, where)


def _get_at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return None
        tree = tree[key]
    return tree


def _set_at(tree: Variables, path: tuple[str, ...], value: np.ndarray) -> None:
    *parents, leaf = path
    for key in parents:
        tree = tree.setdefault(key, {})
    tree[leaf] = value
