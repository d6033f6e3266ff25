"""MCTN by the names of MMSA (thuiar/MMSA, MIT), models/singleTask/MCTN.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.colearning.mctn import Model

MODEL = "mctn"
KEYS = ("attn1.attn.weight", "encoder1.rnn.weight_ih_l0", "regression.linear2.weight")
ARGUMENTS = {"max_seq_len": 50, "use_bert": False}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; `output_dim` is the width of the text."""
    return {
        "hid_dim": get_shape(arrays, "attn1.attn.weight")[0],
        "output_dim": get_shape(arrays, "decoder1.fc_out.weight")[0],
        "outputs": get_shape(arrays, "regression.linear2.weight")[0],
    }


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model, with the faults of the authors' one."""
    if arguments["use_bert"]:
        raise UserError("argument 'use_bert' of mctn is true, but our model reads features; give it BERT's, and false")
    outputs = arguments["outputs"]
    return Model(
        classes=0 if outputs == 1 else outputs,
        units=arguments["hid_dim"],
        longest=arguments["max_seq_len"],
        fidelity="authors",
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if len(model.modalities) != 3:
        raise UserError(
            f"the model has modalities {join_words(model.modalities)}, but the authors' mctn has three; convert such "
            "a one"
        )
    names = named.recurrent("regression.rnn", "regressor/lstm")
    names |= named.dense("regression.linear", "regressor/score") | named.dense("regression.linear2", "regressor/dense")
    for level in range(2):
        encoder, decoder, attention = (f"{part}{level + 1}" for part in ("encoder", "decoder", "attn"))
        names |= named.array(f"{attention}.attn.weight", f"decoder_{level}/attention", named.TRANSPOSED)
        names |= named.array(f"{attention}.v.weight", f"decoder_{level}/score", named.TRANSPOSED)
        names |= named.recurrent(f"{encoder}.rnn", f"encoder_{level}/lstm", bidirectional=True)
        names |= named.dense(f"{encoder}.fc", f"encoder_{level}/first", bias=False)
        names |= named.recurrent(f"{decoder}.rnn", f"decoder_{level}", bidirectional=True)
        names |= named.dense(f"{decoder}.fc_out", f"decoder_{level}/out")
    return names


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do, and others than the text may have fewer features."""
    return {m: {"steps": 2, "features": arguments["output_dim"]} for m in ("text", "vision", "audio")}
