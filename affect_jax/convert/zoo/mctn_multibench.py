"""MCTN by the names of MultiBench (pliang279/MultiBench, MIT), fusions/MCTN.py, of three modalities.

Without `teacher_forcing_ratio` the decoders read the truth at every step, where there is any; the authors have .5.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.colearning.mctn_multibench import Model

MODEL = "mctn_multibench"
KEYS = ("seq2seq0.encoder.gru.weight_ih_l0", "regression.weight_ih_l0", "head.fc2.weight")
ARGUMENTS = {"n_layers": 1, "dropout": 0.2, "teacher_forcing_ratio": 1.0}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell."""
    return {
        "feature_dim": get_shape(arrays, "seq2seq0.encoder.gru.weight_ih_l0")[1],
        "hidden_dim": get_shape(arrays, "seq2seq0.encoder.gru.weight_hh_l0")[1],
        "reg_hidden": get_shape(arrays, "regression.weight_hh_l0")[1],
        "head_hidden": get_shape(arrays, "head.fc.weight")[0],
        "outputs": get_shape(arrays, "head.fc2.weight")[0],
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model. Dropout is the stage's."""
    if arguments["n_layers"] != 1:
        raise UserError(f"argument 'n_layers' of mctn_multibench is {arguments['n_layers']}, but our model has 1 layer")
    outputs = arguments["outputs"]
    return Model(
        modalities=("src", "trg0", "trg1"),
        classes=0 if outputs == 1 else outputs,
        units=arguments["hidden_dim"],
        regressor_units=arguments["reg_hidden"],
        head=arguments["head_hidden"],
        forced_share=float(arguments["teacher_forcing_ratio"]),
        fidelity="authors",
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if len(model.modalities) != 3:
        raise UserError(
            f"the model has modalities {join_words(model.modalities)}, but the authors' code has three; convert such "
            "a one"
        )
    names = named.recurrent("regression", "regressor")
    names |= named.dense("head.fc", "head/dense_0") | named.dense("head.fc2", "head/dense_1")
    for level in range(2):
        theirs, ours = f"seq2seq{level}.decoder", f"decoder_{level}"
        names |= named.recurrent(f"seq2seq{level}.encoder.gru", f"encoder_{level}/gru", bidirectional=True)
        names |= named.recurrent(f"{theirs}.gru", ours) | named.array(f"{theirs}.out.bias", f"{ours}/out_bias")
        names |= named.array(f"{theirs}.out.weight", f"{ours}/out_kernel", named.TRANSPOSED)
        names |= named.array(f"{theirs}.attention.v", f"{ours}/score")
        names |= named.array(f"{theirs}.attention.attn.weight", f"{ours}/attention", named.TRANSPOSED)
        names |= named.array(f"{theirs}.attention.attn.bias", f"{ours}/attention_bias")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do, the same for all."""
    return {m: {"steps": 1, "features": arguments["feature_dim"]} for m in ("src", "trg0", "trg1")}
