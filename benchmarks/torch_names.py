"""Our parameters' names -> those of PyTorch modules of ours: methods without public weights are compared by these."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from torch import nn

Names = Mapping[str, str]
"""The start of a path in our parameters -> the submodule in PyTorch's, longest first."""
_LEAVES = dict(kernel="weight", scale="weight", slope="slope.weight")
_LAYER = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_ASKS = ("query", "key", "value")


def spread(modalities: Sequence[str], **starts: str) -> dict[str, str]:
    """`<m>_<name>` -> `<start>.<number of m>` for each name and start."""
    return {f"{m}_{name}": f"{start}.{i}" for i, m in enumerate(modalities) for name, start in starts.items()}


def name_pairs(modalities: Sequence[str], ours: str, theirs: str) -> dict[str, str]:
    """Our name of what n gives m, with {m} and {n}, -> `<theirs>.<number>`, in the order of m, then n."""
    pairs = ((m, n) for m in modalities for n in modalities if n != m)
    return {ours.format(m=m, n=n): f"{theirs}.{i}" for i, (m, n) in enumerate(pairs)}


def name_branches(modalities: Sequence[str]) -> dict[str, str]:
    """MCSAN's branches: each modality asks itself and the others, in their order."""
    names = {}
    for i, (m, n) in enumerate(itertools.product(modalities, repeat=2)):
        ours = f"{m}_self/layer_0/" if m == n else f"{m}_from_{n}/layer_0/"
        parts = {"attention": "attention", "norm_0": "norms.0", "norm_1": "norms.1"}
        parts |= {"attention/out": "attention.out_proj", "dense_0": "dense.0", "dense_1": "dense.2"}
        names |= {ours + part: f"branches.{i}.{name}" for part, name in parts.items()}
    return names


def read_parameters(params: Any, module: nn.Module, names: Names) -> Any:
    """The module's weights in the form of our parameters.

    Raises:
      KeyError: the module has no such array.
    """
    arrays = {name: x.numpy() for name, x in module.state_dict().items()}

    def read(path: Any, leaf: jax.Array) -> jax.Array:
        return jax.numpy.asarray(
            _find(jax.tree_util.keystr(path, simple=True, separator="/"), arrays, names, leaf.shape)
        )

    return jax.tree_util.tree_map_with_path(read, params)


def _find(path: str, arrays: Mapping[str, np.ndarray], names: Names, shape: Sequence[int]) -> np.ndarray:
    if path in names:
        return arrays[names[path]].T.reshape(shape)
    start = max((s for s in names if path.startswith(s + "/")), key=len)
    *inner, leaf = path[len(start) + 1 :].split("/")
    way = "_reverse" if leaf.endswith("_reverse") else ""
    leaf = f"{leaf.removesuffix(way)}_l0{way}" if leaf.removesuffix(way) in _LAYER else _LEAVES.get(leaf, leaf)
    if inner and inner[-1] in _ASKS:
        whole = arrays[f"{names[start]}.in_proj_{leaf}"]
        return np.split(whole, 3)[_ASKS.index(inner[-1])].T.reshape(shape)
    return arrays[".".join([names[start], *inner, leaf])].T.reshape(shape)
