"""CentralNet on pictures by the names of juanmanpr/mfas (no licence: numbers only), models/central/avmnist.py."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError
from affect_jax.models.fusion.centralnet_pictures import Model

MODEL = "centralnet_pictures"
KEYS = ("audio_net.conv5.weight", "image_net.conv3.weight", "central_conv1.weight")
ARGUMENTS = {"fusingmix": "31,42,53", "fusetype": "wsum"}
_DEPTHS = {"audio": 5, "image": 3}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The arguments that the arrays tell; which layers are fused leaves no trace but widths."""
    audio, image = (get_shape(arrays, f"{m}_net.conv1.weight", axes=4) for m in _DEPTHS)
    outputs = get_shape(arrays, "central_classifier.weight")[0]
    sizes = {"channels": audio[0], "num_outputs": outputs}
    return {**sizes, "audio_channels": audio[1], "image_channels": image[1]}


def make_model(arguments: Mapping[str, Any]) -> Model:
    """Our model, with fidelity='authors'."""
    return Model(
        modalities=tuple(_DEPTHS),
        classes=arguments["num_outputs"],
        picture_channels=(arguments["audio_channels"], arguments["image_channels"]),
        filters=arguments["channels"],
        depths=tuple(_DEPTHS.values()),
        fusions=tuple("+".join(pair) for pair in str(arguments["fusingmix"]).split(",")),
        combine=arguments["fusetype"],
        pooled=("audio",),
        fidelity="authors",
    )


def list_names(model: Model) -> named.Names:
    """The state dict."""
    if tuple(model.modalities) != tuple(_DEPTHS) or tuple(model.depths) != (5, 3) or len(model.fusions) != 3:
        raise UserError(
            f"the model has networks {dict(zip(model.modalities, model.depths, strict=True))} and "
            f"{len(model.fusions)} fusions, but the authors' centralnet has {_DEPTHS} and 3; convert such a one"
        )
    names: named.Names = {}
    for m, depth in _DEPTHS.items():
        for i in range(depth):
            theirs = f"{m}_net.conv{i + 1}.weight"
            names |= named.array(theirs, f"{m}_conv_{i}/kernel", named.CONV_2D)
            names |= named.batch_norm(f"{m}_net.bn{i + 1}", f"{m}_norm_{i}")
        names |= named.dense(f"{m}_net.classifier.0", f"{m}_head")
    for k in range(3):
        names |= named.array(f"central_conv{k + 1}.weight", f"central/conv_{k}/kernel", named.CONV_1D)
        for i in range(2):
            names |= named.array(f"alpha{k + 1}_feat{i + 1}", f"central/alpha_{k}_{i}")
    for k in range(2):
        names |= named.array(f"alpha_conv{k + 1}", f"central/alpha_hidden_{k}")
    return names | named.dense("central_classifier", "central/classifier")


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads: pictures that five and three layers can halve; any such size will do."""
    return {m: {"steps": 16, "features": 16 * arguments[f"{m}_channels"]} for m in _DEPTHS}
