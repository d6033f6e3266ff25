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

from affect_jax.convert.folder import Variables, trace_variables
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.models.attention_fusion import AUTHORS_DROPOUT, Model

_LETTERS = {"text": "t", "video": "v", "audio": "a"}
_MAPPED = ("video", "audio")
_ATTENTION = ("intra", "cross")
# The steps of text leave no trace in the arrays; any number will do.
_TEXT_STEPS = 128

# Kind of layer -> its array in PyTorch -> the path from our submodule to the same array.
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


def import_torch_fusion(arrays: Mapping[str, np.ndarray], attention: str, heads: int = 6) -> tuple[Model, Variables]:
    """Makes our model, with `fidelity='authors'`, from the weights of the authors' PyTorch one.

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
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = _convert_array(name, np.asarray(arrays[name]))
    model = Model(
        modalities=modalities,
        classes=tree["classifier"]["bias"].shape[0],
        attention=attention,
        map_steps=tuple(tree[f"{m}_map"]["bias"].shape[0] if m in _MAPPED else 0 for m in modalities),
        units=tree[f"{modalities[0]}_gru"]["weight_hh"].shape[0],
        heads=heads,
        hidden=tree["concat"]["bias"].shape[0],
        input_dropout=tuple(AUTHORS_DROPOUT.get(m, 0.0) for m in modalities),
        fidelity="authors",
    )
    variables = {"params": tree}
    expected = trace_variables(model, list_fusion_inputs(model, variables))["params"]
    for name, path in paths.items():
        shape, fitting = _get_at(tree, path).shape, _get_at(expected, path).shape
        if shape != fitting:
            raise UserError(
                f"the array {name!r} has shape {list(arrays[name].shape)}, but {_reverse_shape(name, fitting)} fits "
                "the other arrays; give the weights of one model"
            )
    return model, variables


def export_torch_fusion(model: Model, variables: Variables) -> dict[str, np.ndarray]:
    """Returns a `state_dict` for the authors' model, which has no masks and pools to [deviation, mean].

    Of weights of `fidelity='thesis'` (pooled to [mean, deviation]), the halves of the first dense layer's weight are
    exchanged, so that both models agree on examples without padding and without a missing modality.

    Raises:
      UserError: the authors' code has no layers for this model.
    """
    _check_model(model)
    arrays = {}
    for name, path in _list_paths(model.modalities, model.attention).items():
        value = np.asarray(_get_at(variables["params"], path))
        if path == ("concat", "kernel") and model.fidelity == "thesis":
            value = np.roll(value, value.shape[0] // 2, axis=0)
        value = value.T[..., None] if _is_map(name) else value.T
        arrays[name] = np.ascontiguousarray(value)
    return arrays


def list_fusion_inputs(model: Model, variables: Variables) -> dict[str, dict[str, int]]:
    """Returns modality -> `steps` and `features` of what the model reads; text may have any number of steps."""
    params = variables["params"]
    return {
        m: {
            "steps": params[f"{m}_map"]["kernel"].shape[0] if f"{m}_map" in params else _TEXT_STEPS,
            "features": params[f"{m}_gru"]["weight_ih"].shape[0],
        }
        for m in model.modalities
    }


def _list_paths(modalities: Sequence[str], attention: str) -> dict[str, tuple[str, ...]]:
    """Returns PyTorch's name of each array -> its path in our parameters."""
    layers = {f"{m}_encoder": (f"{m}_gru", _GRU) for m in modalities}
    layers |= {f"{m}_conv": (f"{m}_map", _DENSE) for m in modalities if m in _MAPPED}
    if attention == "intra":
        layers |= {f"mha_{_LETTERS[m]}": (f"intra_{m}", _ATTEND) for m in modalities}
    else:
        pairs = itertools.permutations(modalities, 2)
        layers |= {f"mha_{_LETTERS[x]}_{_LETTERS[y]}": (f"cross_{x}_{y}", _ATTEND) for x, y in pairs}
    layers |= {"concat_linear": ("concat", _DENSE), "classifier": ("classifier", _DENSE)}
    return {
        f"{layer}.{leaf}": (submodule, *path)
        for layer, (submodule, leaves) in layers.items()
        for leaf, path in leaves.items()
    }


def _mentions(name: str, modality: str) -> bool:
    """Returns whether an array belongs to a modality, as `mha_v_t.in_proj_bias` does to video and to text."""
    head, *rest = name.split(".")[0].split("_")
    return head == modality or (head == "mha" and _LETTERS[modality] in rest)


def _check_names(
    arrays: Mapping[str, np.ndarray], modalities: Sequence[str], attention: str
) -> dict[str, tuple[str, ...]]:
    """Checks that all arrays of these modalities are there, and no others; returns their paths."""
    known = _list_paths(tuple(_LETTERS), attention)
    other = "cross" if attention == "intra" else "intra"
    for name in arrays:
        if name in known:
            continue
        if name in _list_paths(tuple(_LETTERS), other):
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
            f"there are arrays of {len(modalities)} of the modalities {join_words(_LETTERS)}, but the authors' models "
            "have "
            "two or three; give the whole state_dict"
        )
    paths = _list_paths(modalities, attention)
    for name in paths:
        if name not in arrays:
            raise UserError(f"the array {name!r} is missing; add it")
    return paths


def _convert_array(name: str, value: np.ndarray) -> np.ndarray:
    """Returns one array in our layout, float32."""
    axes = 3 if _is_map(name) else 2 if "weight" in name.rpartition(".")[2] else 1
    if value.ndim != axes or 0 in value.shape or (axes == 3 and value.shape[2] != 1):
        fitting = "[steps behind, steps before, 1]" if axes == 3 else f"{axes} axes" if axes > 1 else "1 axis"
        raise UserError(f"the array {name!r} has shape {list(value.shape)}, but needs {fitting}; mend it")
    kind = value.dtype
    if np.issubdtype(kind, np.floating):
        with np.errstate(over="ignore"):
            value = value.astype(np.float32)
    if not np.issubdtype(kind, np.floating) or not np.isfinite(value).all():
        raise UserError(f"the array {name!r} holds {kind} that are not all finite numbers in float32; mend it")
    return np.ascontiguousarray((value[..., 0] if axes == 3 else value).T)


def _check_model(model: Model) -> None:
    """Checks that the authors' code has layers for this model.

    Raises:
      UserError: it has not.
    """
    two_or_three = len(model.modalities) > 1 and set(model.modalities) <= _LETTERS.keys()
    pairs = {vector for vector in model.vectors if len(vector) == 2}
    reasons = {
        f"reads {join_words(model.modalities)}, but the authors' models two or three of "
        f"{join_words(_LETTERS)}": two_or_three,
        f"has attention {model.attention!r}, but the authors' models have 'intra' or 'cross'": (
            model.attention in _ATTENTION
        ),
        "has some of the pairs, but the authors' model has all": (
            model.attention == "intra" or pairs == set(itertools.permutations(model.modalities, 2))
        ),
        "has no statistical pooling, but the authors' models have it": model.statistical_pooling,
        f"has map_steps {join_words(model.map_steps)}, but the authors' models map video and audio over time, not "
        "text": all(bool(steps) == (m in _MAPPED) for m, steps in zip(model.modalities, model.map_steps, strict=True)),
    }
    for reason, holds in reasons.items():
        if not holds:
            raise UserError(f"the model {reason}; convert a model with those layers")


def _is_map(name: str) -> bool:
    return name.endswith("_conv.weight")


def _get_at(tree: Variables, path: Sequence[str]) -> np.ndarray:
    for key in path:
        tree = tree[key]
    return tree


def _reverse_shape(name: str, shape: Sequence[int]) -> list[int]:
    return [*reversed(shape), 1] if _is_map(name) else [*reversed(shape)]
