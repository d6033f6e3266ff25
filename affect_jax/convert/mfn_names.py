"""What the public codes of MFN, Graph-MFN and MFM have in common: names, and nets whose arguments are dicts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words, suggest_nearest

MODALITIES = {"l": "text", "a": "audio", "v": "video"}
"""Their letters, in their order -> ours."""
NETS = {
    "NN1Config": "att1",
    "NN2Config": "att2",
    "gamma1Config": "gamma1",
    "gamma2Config": "gamma2",
    "outConfig": "out",
}


def make_net_defaults(names: Sequence[str], drop: float) -> dict[str, dict[str, Any]]:
    """Defaults of arguments such as `NN1Config`: the arrays tell the width."""
    return {name: {"drop": drop} for name in names}


def read_net_sizes(arrays: Mapping[str, np.ndarray], nets: Mapping[str, str], prefix: str = "") -> dict[str, int]:
    """Argument -> the width that its net has by the arrays."""
    return {f"{name} shapes": get_shape(arrays, f"{prefix}{net}_fc1.weight")[0] for name, net in nets.items()}


def read_lstm_sizes(arrays: Mapping[str, np.ndarray], prefix: str = "") -> dict[str, tuple[int, ...]]:
    """Features and units of the three cells."""
    shapes = [get_shape(arrays, f"{prefix}lstm_{letter}.weight_ih") for letter in MODALITIES]
    return {"features": tuple(s[1] for s in shapes), "units": tuple(s[0] // 4 for s in shapes)}


def check_nested(method: str, arguments: Mapping[str, Any], name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """An argument that is a dict, with what the arrays tell of it.

    Raises:
      UserError: it is no dict, or the arrays contradict it.
    """
    given = arguments[name]
    if not isinstance(given, Mapping):
        raise UserError(f"argument {name!r} of {method} is {given!r}, but needs names and values")
    for key, value in told.items():
        plain = list(value) if isinstance(value, tuple) else value
        said = given.get(key, plain)
        if (list(said) if isinstance(said, tuple) else said) != plain:
            raise UserError(
                f"argument {name!r} of {method} has {key} {said!r}, but the arrays are of {plain!r}; make them agree, "
                "or leave it out"
            )
    return {**given, **told}


def read_drops(method: str, arguments: Mapping[str, Any], names: Sequence[str]) -> tuple[float, ...]:
    """The rates of the nets of these arguments, whose widths are checked against the arrays'."""
    nets = [check_nested(method, arguments, name, {"shapes": arguments[f"{name} shapes"]}) for name in names]
    for name, net in zip(names, nets, strict=True):
        check_known(method, name, net, ("shapes", "drop"))
    return tuple(float(net.get("drop", 0.0)) for net in nets)


def list_net(theirs: str, ours: str) -> named.Names:
    """The two layers of one net."""
    return named.dense(f"{theirs}_fc1", f"{ours}/dense_0") | named.dense(f"{theirs}_fc2", f"{ours}/dense_1")


def list_memory(path: str, prefix: str = "") -> named.Names:
    """The gates of the memory at our `path`."""
    names: named.Names = {}
    for theirs, ours in (("gamma1", "keep"), ("gamma2", "write")):
        for layer in (0, 1):
            names |= named.dense(f"{prefix}{theirs}_fc{layer + 1}", f"{path}/{ours}_{layer}")
    return names


def list_fusion(path: str, prefix: str = "") -> named.Names:
    """MFN's body at our `path`."""
    names = list_memory(f"{path}/memory", prefix)
    names |= list_net(f"{prefix}att1", f"{path}/attention") | list_net(f"{prefix}att2", f"{path}/propose")
    for letter, modality in MODALITIES.items():
        names |= named.recurrent(f"{prefix}lstm_{letter}", f"{path}/{modality}_lstm", suffix="")
    return names


def check_modalities(method: str, modalities: Sequence[str]) -> None:
    """Checks that a model reads what the authors' code reads.

    Raises:
      UserError: it does not.
    """
    if tuple(modalities) != tuple(MODALITIES.values()):
        raise UserError(
            f"the model reads {join_words(modalities)}, but the authors' {method} reads "
            f"{join_words(MODALITIES.values())}; "
            "convert a model of these"
        )


def check_known(method: str, name: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Checks the keys of an argument that is a dict.

    Raises:
      UserError: one is unknown.
    """
    for key in given:
        if key not in known:
            raise UserError(
                f"argument {name!r} of {method} has {key!r}{suggest_nearest(key, known)}, but takes {join_words(known)}"
            )
