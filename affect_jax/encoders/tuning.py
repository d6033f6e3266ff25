"""An encoder as the front of a model: what of it is trained, what all trials share, and what of its states is taken.

Four ways to train it: not at all, its last layers, all of it, or low-rank adapters beside projections that stay as they
are (LoRA: Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1).
Trees of parameters are nested by the names of our modules, as in `published`.
"""

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from affect_jax.encoders import families, folder, sound, spans, speech, words
from affect_jax.encoders.settings import ConfigFile
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.layers.dense import Dense, uniform
from affect_jax.runtime import files

Tree = dict[str, Any]
PROJECTIONS = {"sound": ("q_proj", "v_proj"), "words": ("query", "value")}
"""Where adapters stand unless the config says otherwise: query and value, as in the paper's experiments."""
_ALIGNED = 64
_LAYER = re.compile(r"layers?_(\d+)")
_TINY_SPEECH = dict(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    conv_dim=(32,) * 7,
    conv_kernel=(10, 3, 3, 3, 3, 2, 2),
    conv_stride=(5, 2, 2, 2, 2, 2, 2),
    num_conv_pos_embeddings=16,
    num_conv_pos_embedding_groups=4,
    mask_time_prob=0.0,
    layerdrop=0.0,
)
_RATES = {
    "step_masks": ("mask_time_prob", 0.05),
    "channel_masks": ("mask_feature_prob", 0.0),
    "layer_drop": ("layerdrop", 0.1),
}
"""Setting -> the entry of config.json, and what transformers takes where there is none."""
_TINY_WORDS = dict(
    vocab_size=1000,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=64,
)


@dataclasses.dataclass(frozen=True)
class EncoderSettings:
    """`config.model.encoder`.

    Attributes:
      weights: a folder as the Hugging Face hub lays it out, or a name on the hub; None for a tiny encoder with random
        weights, which shows that everything works and no more.
      family: of the tiny encoder.
      train: what of the encoder is trained.
      last: how many layers, where `train` is 'last'.
      rank, alpha: of the adapters, where `train` is 'adapters'; what they add is multiplied by alpha / rank.
      projections: names of the dense layers that get adapters, as in the encoder's parameters; () for query and value.
      layer: which states are taken: 'last' (the output), a number (0 is what the first layer reads), 'mean' of all, or
        'learned': a softmax of one weight a state (SUPERB: Yang et al. 2021, section 3.2).
      step_masks, channel_masks: of speech, the shares of steps and channels that training masks (SpecAugment), see
        `spans.Masks`; layer_drop: how often it leaves out a layer (LayerDrop). The config of a run gets those of the
        weights' config.json unless it has its own; they are 0 where nothing of the encoder is trained.
      normalises: whether samples are normalised, which the config of a run gets from the weights.
      described: the encoder's config.json as text, which the config of a run gets from the weights.
      fingerprint: of the files of weights, likewise.
    """

    weights: str | None = None
    family: str = "wav2vec2"
    train: Literal["nothing", "last", "all", "adapters"] = "nothing"
    last: int = 2
    rank: int = 8
    alpha: float = 16.0
    projections: tuple[str, ...] = ()
    layer: str = "last"
    step_masks: float = 0.0
    channel_masks: float = 0.0
    layer_drop: float = 0.0
    normalises: bool = True
    described: str | None = None
    fingerprint: str | None = None


class Parts(NamedTuple):
    """Parameters of an encoder.

    Attributes:
      shared: what no trial changes, so that all of them read one copy; {} where all is trained.
      trained: what each trial trains of its own; {} where nothing is.
    """

    shared: Tree
    trained: Tree


def describe_weights(settings: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The settings with `described` and `fingerprint`: of the weights, or of the tiny encoder.

    Args:
      settings: `config.model.encoder`, plain.
      kind: 'sound' or 'words', which the model reads.

    Raises:
      UserError: the weights cannot be read, or are of an encoder of something else.
    """
    source = settings.get("weights")
    known = speech.MODEL_TYPES if kind == "sound" else words.MODEL_TYPES
    if source is None:
        family = settings.get("family")
        if family not in known:
            raise UserError(
                f"config.model.encoder.family is {family!r}{suggest_nearest(str(family), known)}; this model reads "
                f"{'sound' if kind == 'sound' else 'words'}, so choose one of {join_words(known)}"
            )
        tiny = _TINY_SPEECH if kind == "sound" else _TINY_WORDS
        config, path, fingerprint = {"model_type": family, **tiny}, "the tiny encoder", None
    else:
        place = folder.find_folder(source)
        config, path = folder.read_config(place).values, str(place / "config.json")
        if config.get("model_type") not in known:
            raise UserError(
                f"config.model.encoder.weights is {source}, of the family {config.get('model_type')!r}, but this model "
                f"reads {'sound' if kind == 'sound' else 'words'}; name weights of {join_words(known)}"
            )
        fingerprint = _hash_weights(place)
        settings = {**settings, "normalises": kind != "sound" or sound.read_normalises(place)}
    described = json.dumps(config, sort_keys=True, default=str)
    settings = {**settings, **_choose_rates(settings, ConfigFile(config, path), kind)}
    check_settings(dataclasses.replace(_decode(settings), described=described), path)
    return {**settings, "described": described, "fingerprint": fingerprint}


def _choose_rates(settings: Mapping[str, Any], config: ConfigFile, kind: str) -> dict[str, float]:
    """`step_masks`, `channel_masks` and `layer_drop`: those that are asked for, else those of the config.json."""
    is_trained = settings.get("train", EncoderSettings.train) != "nothing"
    rates = {}
    for name, (key, usual) in _RATES.items():
        asked = settings.get(name)
        if asked and (kind != "sound" or not is_trained):
            why = "nothing of the encoder is trained" if kind == "sound" else "encoders of words have none"
            raise UserError(f"config.model.encoder.{name} is {asked}, but {why}; leave it out")
        if asked is None:
            is_off = name != "layer_drop" and not config.read("apply_spec_augment", True)
            asked = 0.0 if kind != "sound" or not is_trained or is_off else config.read(key, usual)
        if not 0 <= asked <= 1:
            raise UserError(f"config.model.encoder.{name} is {asked} ({key} of {config.path}); set it to 0 to 1")
        rates[name] = float(asked)
    return rates


def _decode(settings: Mapping[str, Any]) -> EncoderSettings:
    names = {field.name for field in dataclasses.fields(EncoderSettings)}
    return EncoderSettings(**{key: value for key, value in settings.items() if key in names and value is not None})


def _hash_weights(place: Path) -> str:
    paths = sorted(path for path in place.iterdir() if path.suffix == ".safetensors" or path.name == "config.json")
    return hashlib.sha256(" ".join(files.hash_file(path) for path in paths).encode()).hexdigest()


def check_settings(settings: EncoderSettings, path: str = "its config.json") -> None:
    """Checks what the encoder can do of what is asked.

    Raises:
      UserError: more layers are to be trained than there are, there is no such layer or projection, or a rank of 0.
    """
    module = build_module(settings.described, path)
    layers = module.sizes.layers
    if settings.train == "last" and not 1 <= settings.last <= layers:
        raise UserError(
            f"config.model.encoder.last is {settings.last}, but the encoder has {layers} layers; set it to 1 to "
            f"{layers}"
        )
    if settings.layer not in ("last", "mean", "learned") and not (
        settings.layer.isdecimal() and int(settings.layer) <= layers
    ):
        raise UserError(
            f"config.model.encoder.layer is {settings.layer!r}; set last, mean, learned, or 0 to {layers} as text"
        )
    if settings.train == "adapters":
        if settings.rank < 1:
            raise UserError(f"config.model.encoder.rank is {settings.rank}; set it to 1 or more")
        list_adapted(settings)


@functools.lru_cache(maxsize=8)
def build_module(described: str, path: str = "its config.json") -> speech.Speech | words.Words:
    """The encoder of a config.json as text, without the pooler of BERT.

    Raises:
      UserError: it is of another kind, or asks for what is not built here.
    """
    values = json.loads(described)
    config = ConfigFile({key: tuple(x) if isinstance(x, list) else x for key, x in values.items()}, path)
    model_type = config.choose("model_type", "", (*speech.MODEL_TYPES, *words.MODEL_TYPES))
    return speech.make_model(config) if model_type in speech.MODEL_TYPES else words.make_model(config, {})


@functools.lru_cache(maxsize=8)
def build_front(settings: EncoderSettings) -> speech.Speech | words.Words:
    """The encoder as the settings train it, with what training leaves out of it."""
    module = build_module(settings.described)
    if isinstance(module, words.Words):
        return module
    config = ConfigFile(json.loads(settings.described), "its config.json")
    masks = speech.make_masks(config, settings.step_masks, settings.channel_masks, settings.layer_drop)
    return speech.Speech(module.sizes, masks, parent=None)


@functools.lru_cache(maxsize=8)
def trace_parameters(settings: EncoderSettings) -> Any:
    """Shapes of an encoder's parameters, nested."""
    return families.trace_shapes(build_front(settings))["params"]


def find_kind(settings: EncoderSettings) -> str:
    """'sound' or 'words'."""
    return "sound" if isinstance(build_module(settings.described), speech.Speech) else "words"


def load_parameters(settings: EncoderSettings) -> Tree:
    """The encoder's parameters, float32 on the host: of the weights, or random ones of the tiny encoder.

    Raises:
      UserError: the weights cannot be read, or are others than those that the config was made with.
    """
    if settings.weights is None:
        return _draw_parameters(build_front(settings))
    return _read_parameters(settings)


@functools.lru_cache(maxsize=1)
def _read_parameters(settings: EncoderSettings) -> Tree:
    place = folder.find_folder(settings.weights)
    if _hash_weights(place) != settings.fingerprint:
        raise UserError(
            f"{place} holds other weights than when the run was configured; restore them, or start a new run"
        )
    masks = getattr(build_front(settings), "masks", spans.NOTHING)
    params = folder.load_encoder(str(place), masks=masks).variables["params"]
    return jax.tree.map(align, {name: tree for name, tree in params.items() if name != "pooler"})


def align(array: np.ndarray) -> np.ndarray:
    """A copy that begins at a multiple of 64 bytes: CPU devices use its memory, where each would copy another array."""
    memory = np.empty(array.nbytes + _ALIGNED, np.uint8)
    begin = -memory.ctypes.data % _ALIGNED
    copy = memory[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@functools.lru_cache(maxsize=2)
def _draw_parameters(module: nn.Module) -> Tree:
    inputs = families.make_example(module)
    draw = jax.jit(lambda key: module.init(key, *inputs)["params"])
    return jax.tree.map(np.asarray, draw(jax.random.key(0)))


def split_parameters(params: Mapping[str, Any], settings: EncoderSettings) -> Parts:
    """The parameters, or their shapes, as the settings divide them among all trials and each trial."""
    if settings.train == "all":
        return Parts({}, dict(params))
    if settings.train != "last":
        return Parts(dict(params), {})
    sizes = build_module(settings.described).sizes
    first = sizes.layers - settings.last
    shared, trained = {}, {}
    for path, leaf in _list_leaves(params):
        number = next((int(found[1]) for name in path if (found := _LAYER.fullmatch(name))), -1)
        # The norm behind the last layer, where there is one, is of the last layers.
        is_behind = getattr(sizes, "pre_norm", False) and path[:2] == ("encoder", "layer_norm")
        _set_leaf(trained if number >= first or is_behind else shared, path, leaf)
    return Parts(shared, trained)


def join_parameters(shared: Mapping[str, Any], trained: Mapping[str, Any]) -> Tree:
    """The inverse of `split_parameters`."""
    joined: Tree = {}
    for tree in (shared, trained):
        for path, leaf in _list_leaves(tree):
            _set_leaf(joined, path, leaf)
    return joined


def list_adapted(settings: EncoderSettings) -> list[tuple[tuple[str, ...], tuple[int, int]]]:
    """Path and shape [D, D'] of each kernel that gets an adapter.

    Raises:
      UserError: the encoder has no such projection.
    """
    wanted = settings.projections or PROJECTIONS[find_kind(settings)]
    leaves = _list_leaves(trace_parameters(settings))
    dense = {path[:-1]: leaf.shape for path, leaf in leaves if path[-1] == "kernel" and len(leaf.shape) == 2}
    known = sorted({path[-1] for path in dense})
    for name in wanted:
        if name not in known:
            raise UserError(
                f"config.model.encoder.projections names {name!r}{suggest_nearest(name, known)}, but the dense layers "
                f"of this encoder are {join_words(known)}"
            )
    return [(path, shape) for path, shape in dense.items() if path[-1] in wanted]


def init_adapters(key: jax.Array, settings: EncoderSettings) -> Tree:
    """Adapters before training: `down` [D, rank] random, `up` [rank, D'] zeros, so that they add nothing."""
    adapters: Tree = {}
    for number, (path, (width, out)) in enumerate(list_adapted(settings)):
        down = uniform(width**-0.5)(jax.random.fold_in(key, number), (width, settings.rank))
        _set_leaf(adapters, (*path, "down"), down)
        _set_leaf(adapters, (*path, "up"), jnp.zeros((settings.rank, out)))
    return adapters


def merge_adapters(params: Mapping[str, Any], adapters: Mapping[str, Any], settings: EncoderSettings) -> Tree:
    """The encoder's parameters with what its adapters add: W + alpha / rank down up (Hu et al. 2022, section 4.1)."""
    merged = join_parameters(params, {})
    for path, _ in list_adapted(settings):
        pair, kernel = _get_leaf(adapters, path), _get_leaf(merged, (*path, "kernel"))
        _set_leaf(merged, (*path, "kernel"), kernel + settings.alpha / settings.rank * pair["down"] @ pair["up"])
    return merged


def add_adapters(adapters: Mapping[str, Any], settings: EncoderSettings) -> Callable[..., Any]:
    """An interceptor of `flax.linen` that adds what each adapter makes of a dense layer's input to its output.

    So a gradient needs no product as large as a kernel, and the kernels stay one copy for all trials.
    """
    paths = {path for path, _ in list_adapted(settings)} if adapters else set()

    def intercept(call: Callable[..., Any], args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        y = call(*args, **kwargs)
        if context.method_name != "__call__" or not isinstance(context.module, Dense):
            return y
        if context.module.path not in paths:
            return y
        pair = _get_leaf(adapters, context.module.path)
        added = args[0] @ pair["down"].astype(y.dtype) @ pair["up"].astype(y.dtype)
        return y + (settings.alpha / settings.rank) * added

    return intercept


def _list_leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    leaves = []
    for name, value in tree.items():
        leaves += _list_leaves(value, (*path, name)) if isinstance(value, Mapping) else [((*path, name), value)]
    return leaves


def _get_leaf(tree: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def _set_leaf(tree: Tree, path: tuple[str, ...], leaf: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = leaf
