"""Graph-MFN by the names of MMSA (thuiar/MMSA, MIT), models/singleTask/Graph_MFN.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import mfn_names
from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.layers.fusion_graph import list_sets, name_vertex
from affect_jax.models.fusion.graph_mfn import Model

MODEL = "graph_mfn"
KEYS = ("graph_mfn.t_network.0.weight", "graph_mfn.efficacy_model.2.weight", "lstm_l.weight_ih")
_NETS = {"NNConfig": "att2", "gamma1Config": "gamma1", "gamma2Config": "gamma2", "outConfig": "out"}
ARGUMENTS = {
    **mfn_names.make_net_defaults(tuple(_NETS), 0.0),
    "num_classes": 1,
    "train_mode": "regression",
    "device": "cpu",
}
_MODES = ("regression", "classification")
# Where the nets of the inner vertices lie: in the plain dictionary of the public code, or as parameters.
_PREFIXES = {False: "networks", True: "graph_mfn.nets"}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; `registered` says that the graph's nets are parameters.

    Raises:
      UserError: the graph's nets are missing.
    """
    registered = next((kind for kind, at in _PREFIXES.items() if f"{at}.0_1.0.weight" in arrays), None)
    if registered is None:
        raise UserError(
            "the nets of the graph's inner vertices are missing, such as 'networks.0_1.0.weight'; the public code does "
            "not save them with the state dict, so add them from its dictionary `graph_mfn.networks` before they are "
            "lost: without them nothing can be predicted"
        )
    sizes = mfn_names.read_lstm_sizes(arrays)
    vertex, width = get_shape(arrays, "graph_mfn.t_network.1.0.weight")
    return {
        "feature_dims": sizes["features"],
        "hidden_dims": sizes["units"],
        "memsize": get_shape(arrays, "att2_fc2.weight")[0],
        "inner_node_dim": vertex,
        "width": width,
        "registered": registered,
        "outputs": get_shape(arrays, "out_fc2.weight")[0],
        **mfn_names.read_net_sizes(arrays, _NETS),
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model."""
    mode = arguments["train_mode"]
    if mode not in _MODES:
        raise UserError(f"argument 'train_mode' of graph_mfn is {mode!r}; choose one of {join_words(_MODES)}")
    proposal, keep, write, head = (arguments[f"{name} shapes"] for name in _NETS)
    return Model(
        classes=arguments["outputs"] if mode == "classification" else 0,
        hidden=arguments["hidden_dims"],
        memory=arguments["memsize"],
        vertex=arguments["inner_node_dim"],
        graph=arguments["width"],
        proposal=proposal,
        gates=(keep, write),
        head=head,
        dropouts=mfn_names.read_drops("graph_mfn", arguments, tuple(_NETS)),
        fidelity="paper" if arguments["registered"] else "authors",
    )


def list_names(model: Model) -> named.Names:
    """The state dict, and the graph's nets by what holds them."""
    mfn_names.check_modalities("graph_mfn", model.modalities)
    names = mfn_names.list_memory("memory") | mfn_names.list_net("att2", "propose")
    names |= mfn_names.list_net("out", "head") | named.dense("graph_mfn.efficacy_model.2", "graph/efficacies")
    names |= _list_net("graph_mfn.efficacy_model", "read") | _list_net("graph_mfn.t_network", "summary")
    for letter, modality in mfn_names.MODALITIES.items():
        names |= named.recurrent(f"lstm_{letter}", f"{modality}_lstm", suffix="")
        names |= named.dense(f"{letter}_transform", f"{modality}_join")
    trained = model.fidelity == "paper"
    for key in list_sets(range(3))[3:]:
        theirs = f"{_PREFIXES[trained]}.{'_'.join(map(str, key))}"
        names |= _list_net(theirs, name_vertex(key), "params" if trained else "batch_stats")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do."""
    names = mfn_names.MODALITIES.values()
    return {m: {"steps": 1, "features": d} for m, d in zip(names, arguments["feature_dims"], strict=True)}


def _list_net(theirs: str, ours: str, collection: str = "params") -> named.Names:
    names: named.Names = {}
    for layer, at in enumerate(("0", "1.0")):
        path = f"graph/{ours}/dense_{layer}"
        names |= named.array(f"{theirs}.{at}.weight", f"{path}/kernel", named.TRANSPOSED, collection)
        names |= named.array(f"{theirs}.{at}.bias", f"{path}/bias", collection=collection)
    return names
