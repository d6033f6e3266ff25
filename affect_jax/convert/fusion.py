"""Attention fusion from and to the PyTorch weights of its authors' public models (intra- and cross-modal attention).

Their layers, and what holds the same here:

    <m>_encoder, <m>_conv        <m>_gru, <m>_map        m: text (which has no conv), video, audio
    mha_t, mha_v, mha_a          intra_text ...          intra
    mha_v_t, mha_a_t, ...        cross_video_text ...    cross: video answers, text asks
    concat_linear, classifier    concat, classifier

PyTorch keeps a weight as [out, in], we as [in, out]. Models of two modalities lack the third one's layers.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from affect_jax.convert.folder import Variables, shapes
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.models.attention_fusion import Model

_LETTERS = {"text": "t", "video": "v", "audio": "a"}
_MAPPED = ("video", "audio")
_INPUT_DROPOUT = {"text": 0.25}
_ATTENTION = ("intra", "cross")
# Of these only text's leaves no trace in the arrays; any number will do.
_TEXT_STEPS = 128

# Kind of layer -> its array in PyTorch -> the path from our part to the same array.
_DENSE = {"weight": ("kernel",), "bias": ("bias",)}
_GRU = {
    f"{name}_l0{way}": (name + way,)
    for way in ("", "_reverse")
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
}
_ATTEND = {
    "in_proj_weight": ("in_proj", "kernel"),
    "in_proj_bias": ("in_proj", "bias"),
    "out_proj.weight": ("out_proj", "kernel"),
    "out_proj.bias": ("out_proj", "bias"),
}


def fusion_from_torch(arrays: Mapping[str, np.ndarray], attention: str, heads: int = 6) -> tuple[Model, Variables]:
    """Our model, with `fidelity='authors'`, from the weights of the authors' PyTorch one.

    Args:
      arrays: its `state_dict` as name -> floating-point values, e.g. `mha_t.in_proj_weight` [360, 120].
      attention: 'intra' or 'cross'.
      heads: of attention; they leave no trace in the arrays.

    Returns:
      The model, its modalities and sizes as the arrays have them, and `params` in float32.

    Raises:
      UserError: an array that is missing, unknown, of a shape that does not fit the others, or not finite numbers.
    """
    if attention not in _ATTENTION:
        raise UserError(
            f"attention is {attention!r}{suggest_nearest(attention, _ATTENTION)}; choose 'intra' or 'cross'"
        )
    modalities = tuple(modality for modality in _LETTERS if any(_mentions(name, modality) for name in arrays))
    paths = _check_names(arrays, modalities, attention)
    tree: Variables = {}
    for name, (*parents, leaf) in paths.items():
        at = tree
        for parent in parents:
            at = at.setdefault(parent, {})
        at[leaf] = _read(name, np.asarray(arrays[name]))
    model = Model(
        modalities=modalities,
        classes=tree["classifier"]["bias"].shape[0],
        attention=attention,
        map_steps=tuple(tree[f"{m}_map"]["bias"].shape[0] if m in _MAPPED else 0 for m in modalities),
        units=tree[f"{modalities[0]}_gru"]["weight_hh"].shape[0],
        heads=heads,
        hidden=tree["concat"]["bias"].shape[0],
        input_dropout=tuple(_INPUT_DROPOUT.get(m, 0.0) for m in modalities),
        fidelity="authors",
    )
    variables = {"params": tree}
    expected = shapes(model, fusion_inputs(model, variables))["params"]
    for name, path in paths.items():
        shape, wanted = _at(tree, path).shape, _at(expected, path).shape
        if shape != wanted:
            raise UserError(
                f"the array {name!r} has shape {list(arrays[name].shape)}, but {_torch_shape(name, wanted)} fits the "
                "other arrays; give the weights of one model"
            )
    return model, variables


def fusion_to_torch(model: Model, variables: Variables) -> dict[str, np.ndarray]:
    """The way back: a `state_dict` for the authors' model, which knows no masks and pools to [deviation, mean].

    Weights of `fidelity='thesis'` (pooled to [mean, deviation]) are given with the halves of the first dense layer's
    weight exchanged: both models then say the same of examples that have no padding and no missing modality.

    Raises:
      UserError: a model that the authors' code has no layers for.
    """
    _check_model(model)
    arrays = {}
    for name, path in _paths(model.modalities, model.attention).items():
        value = np.asarray(_at(variables["params"], path))
        if path == ("concat", "kernel") and model.fidelity == "thesis":
            value = np.roll(value, value.shape[0] // 2, axis=0)
        value = value.T[..., None] if _is_map(name) else value.T
        arrays[name] = np.ascontiguousarray(value)
    return arrays


def fusion_inputs(model: Model, variables: Variables) -> dict[str, dict[str, int]]:
    """Modality -> `steps` and `features` of what the model reads; text may have any number of steps."""
    params = variables["params"]
    return {
        m: {
            "steps": params[f"{m}_map"]["kernel"].shape[0] if f"{m}_map" in params else _TEXT_STEPS,
            "features": params[f"{m}_gru"]["weight_ih"].shape[0],
        }
        for m in model.modalities
    }


def _paths(modalities: Sequence[str], attention: str) -> dict[str, tuple[str, ...]]:
    """PyTorch's name of each array -> where it stands in our parameters."""
    layers = {f"{m}_encoder": (f"{m}_gru", _GRU) for m in modalities}
    layers |= {f"{m}_conv": (f"{m}_map", _DENSE) for m in modalities if m in _MAPPED}
    if attention == "intra":
        layers |= {f"mha_{_LETTERS[m]}": (f"intra_{m}", _ATTEND) for m in modalities}
    else:
        pairs = itertools.permutations(modalities, 2)
        layers |= {f"mha_{_LETTERS[x]}_{_LETTERS[y]}": (f"cross_{x}_{y}", _ATTEND) for x, y in pairs}
    layers |= {"concat_linear": ("concat", _DENSE), "classifier": ("classifier", _DENSE)}
    return {
        f"{layer}.{leaf}": (part, *path) for layer, (part, leaves) in layers.items() for leaf, path in leaves.items()
    }


def _mentions(name: str, modality: str) -> bool:
    """Whether an array belongs to a modality, as `mha_v_t.in_proj_bias` does to video and to text."""
    head, *rest = name.split(".")[0].split("_")
    return head == modality or (head == "mha" and _LETTERS[modality] in rest)


def _check_names(
    arrays: Mapping[str, np.ndarray], modalities: Sequence[str], attention: str
) -> dict[str, tuple[str, ...]]:
    """The paths of the arrays of these modalities, once all of them and no others are there."""
    known = _paths(tuple(_LETTERS), attention)
    other = "cross" if attention == "intra" else "intra"
    for name in arrays:
        if name in known:
            continue
        if name in _paths(tuple(_LETTERS), other):
            raise UserError(
                f"there is an array {name!r}, which the model with attention {attention!r} does not have but the one "
                f"with {other!r} does; convert it with attention {other!r}"
            )
        raise UserError(
            f"there is an array {name!r}{suggest_nearest(name, known)}, which the authors' model with attention "
            f"{attention!r} does not have; leave it out, or give it a name like {next(iter(known))!r}"
        )
    if len(modalities) < 2:
        raise UserError(
            f"there are arrays of {len(modalities)} of the modalities {tuple(_LETTERS)}, but the authors' models have "
            "two or three; give the whole state_dict"
        )
    paths = _paths(modalities, attention)
    for name in paths:
        if name not in arrays:
            raise UserError(f"the array {name!r} is missing; add it")
    return paths


def _read(name: str, value: np.ndarray) -> np.ndarray:
    """One array in our layout, float32."""
    axes = 3 if _is_map(name) else 2 if "weight" in name.rpartition(".")[2] else 1
    if value.ndim != axes or 0 in value.shape or (axes == 3 and value.shape[2] != 1):
        wanted = "[steps behind, steps before, 1]" if axes == 3 else f"{axes} axes" if axes > 1 else "1 axis"
        raise UserError(f"the array {name!r} has shape {list(value.shape)}, but needs {wanted}; mend it")
    kind = value.dtype
    if np.issubdtype(kind, np.floating):
        with np.errstate(over="ignore"):
            value = value.astype(np.float32)
    if not np.issubdtype(kind, np.floating) or not np.isfinite(value).all():
        raise UserError(f"the array {name!r} holds {kind} that are not all finite numbers in float32; mend it")
    return np.ascontiguousarray((value[..., 0] if axes == 3 else value).T)


def _check_model(model: Model) -> None:
    """Refuses what the authors' code has no layers for."""
    two_or_three = len(model.modalities) > 1 and set(model.modalities) <= _LETTERS.keys()
    pairs = {vector for vector in model.vectors if len(vector) == 2}
    reasons = {
        f"reads {tuple(model.modalities)}, but the authors' models two or three of {tuple(_LETTERS)}": two_or_three,
        f"has attention {model.attention!r}, but the authors' models have 'intra' or 'cross'": (
            model.attention in _ATTENTION
        ),
        "has some of the pairs, but the authors' model has all": (
            model.attention == "intra" or pairs == set(itertools.permutations(model.modalities, 2))
        ),
        "has no statistical pooling, but the authors' models have it": model.statistical_pooling,
        f"has map_steps {tuple(model.map_steps)}, but the authors' models map video and audio over time, not text": all(
            bool(steps) == (m in _MAPPED) for m, steps in zip(model.modalities, model.map_steps, strict=True)
        ),
    }
    for reason, holds in reasons.items():
        if not holds:
            raise UserError(f"the model {reason}; convert a model with those layers")


def _is_map(name: str) -> bool:
    return name.endswith("_conv.weight")


def _at(tree: Variables, path: Sequence[str]) -> np.ndarray:
    for key in path:
        tree = tree[key]
    return tree


def _torch_shape(name: str, shape: Sequence[int]) -> list[int]:
    return [*reversed(shape), 1] if _is_map(name) else [*reversed(shape)]
