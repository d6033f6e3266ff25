"""Arrays of published files -> our parameters. No tables: our modules carry the published names.

`encoder.layers.3.attention.q_proj.weight` is our `encoder/layers_3/attention/q_proj/kernel`. PyTorch has a linear
weight as [out, in] and a convolution's as [out, in, k..]; here they are [in, out] and [k.., in, out].
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

from affect_jax.errors import UserError, suggest_nearest

Variables = dict[str, Any]
_LEAVES = {"kernel": "weight", "scale": "weight", "embedding": "weight", "mean": "running_mean", "var": "running_var"}
_OLD_SPELLINGS = (
    (re.compile(r"\.parametrizations\.weight\.original0$"), ".weight_g"),
    (re.compile(r"\.parametrizations\.weight\.original1$"), ".weight_v"),
    (re.compile(r"LayerNorm\.gamma$"), "LayerNorm.weight"),
    (re.compile(r"LayerNorm\.beta$"), "LayerNorm.bias"),
)
"""The same arrays, as other versions of PyTorch and transformers call them."""
_NOT_LEARNED = ("num_batches_tracked", "position_ids", "token_type_ids")
"""How names of buffers end that are no weights."""


def name_array(path: Iterable[str]) -> str:
    """The published name of our array at `path`: ('layers_0', 'fc', 'kernel') -> layers.0.fc.weight."""
    *parents, leaf = (re.sub(r"_(\d+)$", r".\1", part) for part in path)
    return ".".join([*parents, _LEAVES.get(leaf, leaf)])


def spell_names(arrays: Mapping[str, Any], prefixes: tuple[str, ...]) -> dict[str, Any]:
    """Arrays by today's names, without the prefix that a whole model with a head has, such as `bert.`.

    Where some names have one of `prefixes`, the others belong to heads, which are left out.
    """
    named = {}
    for name, value in arrays.items():
        for pattern, text in _OLD_SPELLINGS:
            name = pattern.sub(text, name)
        named[name] = value
    for prefix in prefixes:
        inside = {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
        if inside:
            return inside
    return named


def read_variables(expected: Variables, arrays: Mapping[str, np.ndarray], source: str) -> Variables:
    """Our variables in float32 from published arrays.

    Args:
      expected: shapes of our variables, as `jax.eval_shape` gives them for `init`.
      arrays: by the names of `spell_names`. Those below our top-level modules must all be ours; others are heads.
      source: the file, for messages.

    Raises:
      UserError: an array is missing, of another shape, not finite, or has no place in our model.
    """
    leaves = jax.tree_util.tree_flatten_with_path(expected)[0]
    paths = [tuple(key.key for key in path[1:]) for path, _ in leaves]
    names = [name_array(path) for path in paths]
    tops, known = {name.split(".")[0] for name in names}, set(names)
    if not known & arrays.keys():
        raise UserError(
            f"{source} has none of the arrays of this model (it wants {names[0]!r} and has "
            f"{next(iter(arrays), 'none')!r}); name the weights of this family"
        )
    for name in arrays:
        if name not in known and name.split(".")[0] in tops and not name.endswith(_NOT_LEARNED):
            raise UserError(
                f"{source} has an array {name!r}{suggest_nearest(name, names)}, which a model of these sizes does not "
                "have; copy the config and the weights of one model"
            )
    values = [
        _read_array(arrays, name, path[-1] == "kernel", leaf.shape, source)
        for name, path, (_, leaf) in zip(names, paths, leaves, strict=True)
    ]
    return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(expected), values)


def write_arrays(variables: Variables) -> dict[str, np.ndarray]:
    """The published arrays of our variables; the inverse of `read_variables`."""
    arrays = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(variables)[0]:
        names, value = [key.key for key in path[1:]], np.asarray(leaf)
        if names[-1] == "kernel":
            value = value.transpose(value.ndim - 1, value.ndim - 2, *range(value.ndim - 2))
        arrays[name_array(names)] = np.ascontiguousarray(value)
    return arrays


def _read_array(
    arrays: Mapping[str, np.ndarray], name: str, is_kernel: bool, shape: tuple[int, ...], source: str
) -> np.ndarray:
    if name not in arrays:
        raise UserError(f"{source} lacks the array {name!r}; copy the whole file, and the config that belongs to it")
    value = np.asarray(arrays[name])
    wanted = (shape[-1], shape[-2], *shape[:-2]) if is_kernel else tuple(shape)
    if value.shape != wanted:
        raise UserError(
            f"{source} has the array {name!r} as {list(value.shape)}, but the config asks for {list(wanted)}; copy the "
            "config and the weights of one model"
        )
    if is_kernel:
        value = value.transpose(*range(2, value.ndim), 1, 0)
    ours = np.ascontiguousarray(value, np.float32)
    if not np.isfinite(ours).all():
        raise UserError(f"{source} has the array {name!r} with NaN or infinite numbers; copy the file again")
    return ours
