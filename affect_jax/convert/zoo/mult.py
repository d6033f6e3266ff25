"""MulT by the names of yaohungt/Multimodal-Transformer (MIT), src/models.py: l, a, v are text, audio and video."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.fusion.mult import Model

MODEL = "mult"
KEYS = ("proj_l.weight", "proj1.weight", "out_layer.weight", "trans_l_mem.layer_norm.weight")
ARGUMENTS = {
    "num_heads": None,
    "attn_dropout": 0.1,
    "attn_dropout_a": 0.0,
    "attn_dropout_v": 0.0,
    "relu_dropout": 0.1,
    "res_dropout": 0.1,
    "out_dropout": 0.0,
    "embed_dropout": 0.25,
    "attn_mask": True,
}
_LETTERS = {"l": "text", "a": "audio", "v": "video"}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell."""
    widths = {f"orig_d_{m}": get_shape(arrays, f"proj_{m}.weight", axes=3)[1] for m in _LETTERS}
    targets = {f"{m}only": any(name.startswith(f"trans_{m}_with_") for name in arrays) for m in _LETTERS}
    cross = {name.split(".")[2] for name in arrays if "_with_" in name and ".layers." in name}
    sizes = {"output_dim": get_shape(arrays, "out_layer.weight")[0], "layers": len(cross)}
    return {**widths, **targets, **sizes, "d": get_shape(arrays, "proj_l.weight", axes=3)[0]}


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model, with fidelity='authors'."""
    heads, width = arguments["num_heads"], arguments["d"]
    if heads is None:
        raise UserError("mult needs the argument 'num_heads', which the arrays do not tell; give --arguments")
    rates = ("attn_dropout", "attn_dropout_a", "attn_dropout_v", "attn_dropout", "relu_dropout", "res_dropout")
    outputs = arguments["output_dim"]
    return Model(
        modalities=tuple(_LETTERS.values()),
        classes=0 if outputs == 1 else outputs,
        targets=tuple(name for letter, name in _LETTERS.items() if arguments[f"{letter}only"]),
        width=width,
        heads=heads,
        layers=arguments["layers"],
        causal=bool(arguments["attn_mask"]),
        dropouts=tuple(float(arguments[name]) for name in (*rates, "embed_dropout", "out_dropout")),
        input_dropout=("text",),
        fidelity="authors",
    )


def list_names(model: Model) -> named.Names:
    """The state dict; buffers of fairseq's are written as it makes them."""
    if tuple(model.modalities) != tuple(_LETTERS.values()) or model.fidelity != "authors":
        raise UserError(
            f"the model reads {join_words(model.modalities)} with fidelity {model.fidelity!r}, but the authors' mult "
            "reads "
            f"{join_words(_LETTERS.values())} with fidelity 'authors'; convert such a one"
        )
    names = {}
    for letter, m in _LETTERS.items():
        names |= named.dense(f"proj_{letter}", f"{m}_projection", bias=False, layout=named.POINT_1D)
        names |= _list_encoder(f"trans_{letter}_mem", f"memory_{m}", max(model.layers, 3))
        for other, source in _LETTERS.items():
            if other != letter and (not model.targets or m in model.targets):
                names |= _list_encoder(f"trans_{letter}_with_{other}", f"cross_{m}_{source}", model.layers)
    for theirs, ours in (("proj1", "residual_0"), ("proj2", "residual_1"), ("out_layer", "classifier")):
        names |= named.dense(theirs, ours)
    return names


def _list_encoder(theirs: str, ours: str, layers: int) -> named.Names:
    names = named.layer_norm(f"{theirs}.layer_norm", f"{ours}/norm")
    names |= named.constant(f"{theirs}.version", np.float32([2]))
    names |= named.constant(f"{theirs}.embed_positions._float_tensor", np.zeros(1, np.float32))
    for i in range(layers):
        layer, place = f"{theirs}.layers.{i}", f"{ours}/layers"
        of_layer = named.attention(f"{layer}.self_attn", place)
        for n in range(2):
            of_layer |= named.dense(f"{layer}.fc{n + 1}", f"{place}/dense_{n}")
            of_layer |= named.layer_norm(f"{layer}.layer_norms.{n}", f"{place}/norm_{n}")
        names |= named.number(of_layer, i)
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do."""
    return {m: {"steps": 1, "features": arguments[f"orig_d_{letter}"]} for letter, m in _LETTERS.items()}
