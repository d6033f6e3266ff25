"""What the four forms of Ghosal et al.'s contextual attention share (declare-lab/multimodal-deep-learning, MIT, Keras).

A Keras GRU has `kernel` [D, 3H], `recurrent_kernel` [H, 3H] and one `bias` [3H], gates in the order z, r, h: ours too.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.convert import torch_names as named
from affect_jax.convert.torch_names import get_shape
from affect_jax.errors import UserError, join_words
from affect_jax.models.fusion.mmmu_ba import Model

MODEL = "mmmu_ba"
FRAMEWORK = "keras"
KEYS = ("dense_out.kernel", "dense_out.bias")
ARGUMENTS = {
    "mode": None,
    "dims": None,
    "T": None,
    "modalities": None,
    "recurrent_activation": None,
    "padded_steps": "last state repeated (Keras 2.0-2.2)",
}
_ORDER = ("video", "audio", "text")
"""Of the codes that the classifier reads."""
_MODES = {"MMMU_BA": "pairs", "MU_SA": "self", "MMUU_SA": "modalities", "None": "none"}


def read_sizes(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The sizes that the arrays tell: `features` are by modality."""
    modalities = [m for m in _ORDER if f"gru_{m}.forward.kernel" in arrays]
    if not modalities:
        raise UserError("the arrays 'gru_<modality>.forward.kernel' are missing; give all weights")
    units = get_shape(arrays, f"gru_{modalities[0]}.forward.recurrent_kernel")[0]
    return {
        "features": {m: get_shape(arrays, f"gru_{m}.forward.kernel")[0] for m in modalities},
        "gru_units": units,
        "dense_units": get_shape(arrays, f"dense_{modalities[0]}.kernel")[1],
        "classes": get_shape(arrays, "dense_out.kernel")[1],
    }


def make_model(mode: str, arguments: Mapping[str, Any]) -> Model:
    """Our model of one of the authors' modes."""
    features = arguments["features"]
    if arguments["mode"] not in (None, mode):
        raise UserError(f"argument 'mode' is {arguments['mode']!r}, but this method is {mode!r}; choose another method")
    given = arguments["modalities"] or features
    if set(given) != set(features):
        raise UserError(
            f"argument 'modalities' is {join_words(given)}, but the arrays are of {join_words(features)}; leave it out"
        )
    for m, size in (arguments["dims"] or {}).items():
        if features.get(m, size) != size:
            raise UserError(f"argument 'dims' has {size} of {m}, but the arrays have {features[m]}; leave it out")
    return Model(
        modalities=tuple(features),
        classes=arguments["classes"],
        attention=_MODES[mode],
        units=arguments["gru_units"],
        width=arguments["dense_units"],
        fidelity=_choose_fidelity(str(arguments["padded_steps"]), str(arguments["recurrent_activation"] or "")),
    )


def _choose_fidelity(padded: str, activation: str) -> str:
    """'keras2' or 'keras3', by what padded steps hold; the activation must be that version's."""
    fidelity = "keras2" if "last state" in padded else "keras3"
    if activation and activation.startswith("hard") != (fidelity == "keras2"):
        raise UserError(
            f"argument 'recurrent_activation' is {activation!r} and 'padded_steps' is {padded!r}; Keras 2 has the hard "
            "sigmoid and repeats the last state, Keras 3 has the sigmoid and zeros"
        )
    return fidelity


def list_names(mode: str, model: Model) -> named.Names:
    """Names of the Keras weights."""
    if not model.per_step or model.attention != _MODES[mode] or not set(model.modalities) <= set(_ORDER):
        raise UserError(
            f"the model has attention {model.attention!r}, per_step {model.per_step} and modalities "
            f"{join_words(model.modalities)}, but the authors' {mode} has {_MODES[mode]!r}, a label a step and "
            "modalities "
            f"among {_ORDER}; convert such a one"
        )
    names: named.Names = {}
    for m in model.modalities:
        for way, suffix in (("forward", ""), ("backward", "_reverse")):
            for array in ("kernel", "recurrent_kernel", "bias"):
                names |= named.array(f"gru_{m}.{way}.{array}", f"{m}_gru/{array}{suffix}")
        names |= named.array(f"dense_{m}.kernel", f"{m}_dense/kernel")
        names |= named.array(f"dense_{m}.bias", f"{m}_dense/bias")
    names |= named.array("dense_out.kernel", "classifier/kernel", _choose_layout(model))
    return names | named.array("dense_out.bias", "classifier/bias")


def _choose_layout(model: Model) -> named.Layout:
    """MU-SA's attended codes stand in the order audio, video, text, its others in video, audio, text; ours in one."""
    if model.attention != "self" or not {"video", "audio"} <= set(model.modalities):
        return named.SAME
    width = model.width

    def swap(kernel: np.ndarray) -> np.ndarray:
        return np.concatenate([kernel[width : 2 * width], kernel[:width], kernel[2 * width :]])

    return named.Layout(swap, swap, 2)


def list_inputs(arguments: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """What the model reads; any number of steps will do, the same for all."""
    return {m: {"steps": 1, "features": d} for m, d in arguments["features"].items()}
