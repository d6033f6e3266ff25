"""ConflictNET from and to the weights of the Keras model that the thesis' author trained."""

import re
from collections.abc import Mapping

import numpy as np

from affect_jax.convert.folder import Variables, trace_variables
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.models.conflictnet import Model

# Kind of layer -> its array in Keras -> the same array here. An LSTM also has its cell between, see `_make_keras_name`.
_ARRAYS = {
    "conv1d": {"kernel": ("params", "kernel"), "bias": ("params", "bias")},
    "batch_normalization": {
        "gamma": ("params", "gamma"),
        "beta": ("params", "beta"),
        "moving_mean": ("batch_stats", "mean"),
        "moving_variance": ("batch_stats", "variance"),
    },
    "lstm": {name: ("params", name) for name in ("kernel", "recurrent_kernel", "bias")},
    "seq_self_attention": {name: ("params", name) for name in ("Wt", "Wx", "bh", "Wa", "ba")},
    "dense": {"kernel": ("params", "kernel"), "bias": ("params", "bias")},
}
_SUBMODULES = {
    "conv1d": ("conv_0", "conv_1", "conv_2"),
    "batch_normalization": ("conv_0", "conv_1", "conv_2"),
    "lstm": ("lstm_0", "lstm_1"),
    "seq_self_attention": ("attention",),
    "dense": ("dense",),
}
_OPTIONAL = "seq_self_attention"
# The arrays whose shapes tell the model's sizes, and how many axes they have.
_TELLING = {
    ("conv1d", "kernel"): 3,
    ("lstm", "recurrent_kernel"): 2,
    ("seq_self_attention", "Wt"): 2,
    ("dense", "kernel"): 2,
}
_LAYER = re.compile(rf"({'|'.join(_ARRAYS)})(?:_v1)?(?:_(\d+))?")
_ATTENTION = re.compile(r"(seq_self_attention(?:_\d+)?)_Add_(\w+)")

_Named = dict[tuple[str, int, str], tuple[str, np.ndarray]]
"""(kind of layer, its number, its array) -> (name as given, value)."""


def import_keras_conflictnet(
    arrays: Mapping[str, np.ndarray],
    recurrent_activation: str = "hard_sigmoid",
    average_pool: int | None = None,
    global_average: bool = False,
) -> tuple[Model, Variables]:
    """Makes our ConflictNET or ParaNET from the weights of the Keras one.

    Names are Keras': `conv1d/kernel`, `batch_normalization_1/moving_mean`, `lstm/lstm_cell/recurrent_kernel`,
    `seq_self_attention/seq_self_attention_Add_Wt`, `dense/bias`, with or without `:0` and with any groups before them.
    A layer's number only orders it among its kind, so names that begin at `conv1d_1` or `conv1d_4` are read as well.

    Args:
      arrays: name -> floating-point values.
      recurrent_activation: of the LSTM's gates. Keras before 2.3, which made the authors' weights, had 'hard_sigmoid'.
      average_pool: steps of the average pool, which leaves no trace in the arrays. None: 4 where there is attention
        (ConflictNET), 0 where there is none (ParaNET).
      global_average: whether the last layer reads the mean over time; leaves no trace either.

    Returns:
      The model, its sizes, classes and attention as the arrays have them, and `params` and `batch_stats` in float32.

    Raises:
      UserError: an array that is missing, unknown, of a shape that does not fit the others, or not finite numbers.
    """
    layers = _number_layers(_parse_names(arrays))
    sizes = {key: value.shape for key, (_, value) in layers.items()}
    blocks = [sizes["conv1d", at, "kernel"] for at in range(3)]
    attention = sizes.get((_OPTIONAL, 0, "Wt"))
    outputs = sizes["dense", 0, "kernel"][1]
    pool = (4 if attention else 0) if average_pool is None else average_pool
    model = Model(
        classes=0 if outputs == 1 else outputs,
        filters=tuple(shape[2] for shape in blocks),
        widths=tuple(shape[0] for shape in blocks),
        average_pool=pool,
        lstm_units=tuple(sizes["lstm", at, "recurrent_kernel"][0] for at in range(2)),
        attention=attention is not None,
        attention_units=attention[1] if attention else Model.attention_units,
        global_average=global_average,
        recurrent_activation=recurrent_activation,
    )
    expected = trace_variables(model, {model.modality: {"steps": model.shortest, "features": 1}})
    variables: Variables = {"params": {}, "batch_stats": {}}
    for (kind, at, leaf), (name, value) in layers.items():
        collection, ours = _ARRAYS[kind][leaf]
        submodule = _SUBMODULES[kind][at]
        shape = expected[collection][submodule][ours].shape
        if value.shape != shape:
            raise UserError(
                f"the array {name!r} has shape {list(value.shape)}, but {list(shape)} fits the other arrays; "
                "give the weights of one Keras ConflictNET"
            )
        if not np.issubdtype(value.dtype, np.floating) or not np.isfinite(value).all():
            raise UserError(f"the array {name!r} holds {value.dtype} that are not all finite numbers; mend it")
        variables[collection].setdefault(submodule, {})[ours] = value.astype(np.float32)
    return model, variables


def export_keras_conflictnet(model: Model, variables: Variables) -> dict[str, np.ndarray]:
    """Returns arrays by the names of the authors' Keras model, without `:0`: the inverse of `import_keras_conflictnet`.

    Raises:
      UserError: the Keras model has no layers for this model.
    """
    if model.first_layer != "convolution" or len(model.filters) != 3:
        raise UserError(
            f"the model has {len(model.filters)} convolutions and first_layer {model.first_layer!r}, but the Keras "
            "ConflictNET has 3 plain ones; convert a model with those"
        )
    return {
        _make_keras_name(kind, at, leaf): np.asarray(variables[collection][submodule][ours])
        for kind, leaves in _ARRAYS.items()
        for at, submodule in enumerate(_SUBMODULES[kind])
        if kind != _OPTIONAL or model.attention
        for leaf, (collection, ours) in leaves.items()
    }


def _make_keras_name(kind: str, number: int, leaf: str) -> str:
    layer = f"{kind}_{number}" if number else kind
    if kind == "lstm":
        return f"{layer}/lstm_cell/{leaf}"
    return f"{layer}/{layer}_Add_{leaf}" if kind == "seq_self_attention" else f"{layer}/{leaf}"


def _parse_names(arrays: Mapping[str, np.ndarray]) -> _Named:
    """Parses the names of arrays: 'model/lstm_1/lstm_cell_3/bias:0' is ('lstm', 1, 'bias')."""
    named: _Named = {}
    for name, value in arrays.items():
        *groups, leaf = name.removesuffix(":0").split("/")
        if attention := _ATTENTION.fullmatch(leaf):
            groups, leaf = [attention[1]], attention[2]
        layers = [match for group in reversed(groups) if (match := _LAYER.fullmatch(group))]  # no match: lstm_cell
        if not layers or leaf not in _ARRAYS[layers[0][1]]:
            known = [
                _make_keras_name(k, at, leaf) for k, leaves in _ARRAYS.items() for at in range(3) for leaf in leaves
            ]
            raise UserError(
                f"there is an array {name!r}{suggest_nearest(name, known)}, which a Keras ConflictNET does not have; "
                f"leave it out, or give it a name like {known[0]!r}"
            )
        key = layers[0][1], int(layers[0][2] or 0), leaf
        if key in named:
            raise UserError(f"the arrays {named[key][0]!r} and {name!r} are the same weight; leave one out")
        named[key] = name, np.asarray(value)
    return named


def _number_layers(named: _Named) -> _Named:
    """Numbers the layers of each kind from 0, and checks that all are there."""
    ordered: _Named = {}
    for kind, leaves in _ARRAYS.items():
        numbers = sorted({number for other, number, _ in named if other == kind})
        if len(numbers) != len(_SUBMODULES[kind]) and (numbers or kind != _OPTIONAL):
            raise UserError(
                f"there are arrays of {len(numbers)} {kind!r} layers, but a Keras ConflictNET has "
                f"{len(_SUBMODULES[kind])}; give arrays with names like "
                f"{_make_keras_name(kind, 0, next(iter(leaves)))!r}"
            )
        for at, number in enumerate(numbers):
            for leaf in leaves:
                if (kind, number, leaf) not in named:
                    raise UserError(f"the array {_make_keras_name(kind, number, leaf)!r} is missing; add it")
                name, value = ordered[kind, at, leaf] = named[kind, number, leaf]
                axes = _TELLING.get((kind, leaf), value.ndim)
                if value.ndim != axes or 0 in value.shape:
                    raise UserError(f"the array {name!r} has shape {list(value.shape)}, but needs {axes} axes; mend it")
    return ordered
