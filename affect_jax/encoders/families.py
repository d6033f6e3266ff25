"""Which families there are, and a model of each with its weights from what its authors publish."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import linen as nn

from affect_jax.encoders import clip, resnet, speech, words
from affect_jax.encoders.published import Variables, read_variables, spell_names
from affect_jax.encoders.settings import ConfigFile
from affect_jax.encoders.spans import NOTHING, Masks

MODEL_TYPES = (*speech.MODEL_TYPES, *words.MODEL_TYPES, *clip.MODEL_TYPES, *resnet.DEPTHS)
"""What `model_type` of a config.json may be. Torchvision has no such file: there it is the name of the network."""


class Encoder(NamedTuple):
    """A model with its weights.

    Attributes:
      kind: of what it reads: 'sound', 'images' or 'words'.
      model: the module.
      variables: its arrays, float32.
    """

    kind: str
    model: nn.Module
    variables: Variables


def build_encoder(
    config: ConfigFile,
    arrays: Mapping[str, np.ndarray],
    source: str,
    *,
    tower: str = "images",
    masks: Masks = NOTHING,
) -> Encoder:
    """Builds the encoder that a config describes from its arrays.

    Args:
      config: with `model_type`, one of `MODEL_TYPES`.
      arrays: by their published names.
      source: the file of the arrays, for messages.
      tower: of CLIP, 'images' or 'words'.
      masks: of encoders of speech, what training leaves out.

    Raises:
      UserError: the family is unknown, an entry of the config is wrong, or the arrays do not fit it.
    """
    model_type = config.choose("model_type", "", MODEL_TYPES)
    if model_type in speech.MODEL_TYPES:
        arrays = spell_names(arrays, speech.PREFIXES)
        return _fill("sound", speech.make_model(config, masks), arrays, source)
    if model_type in words.MODEL_TYPES:
        arrays = spell_names(arrays, words.PREFIXES)
        return _fill("words", words.make_model(config, arrays), arrays, source)
    arrays = spell_names(arrays, ())
    if model_type in resnet.DEPTHS:
        return _fill("images", resnet.make_model(model_type, arrays), arrays, source)
    if model_type == "clip_text_model" or (model_type == "clip" and tower == "words"):
        model = clip.make_text_tower(config, "text_projection.weight" in arrays)
        return _fill("words", model, arrays, source)
    return _fill("images", clip.make_image_tower(config, "visual_projection.weight" in arrays), arrays, source)


@functools.lru_cache(maxsize=16)
def trace_shapes(model: nn.Module) -> Variables:
    """Shapes of the variables of an encoder, without running it. Cached, for weights that are loaded again: not to be
    changed."""
    inputs = make_example(model)
    return jax.eval_shape(lambda: model.init(jax.random.key(0), *inputs))


def make_example(model: nn.Module) -> tuple[np.ndarray, ...]:
    """The smallest input of an encoder, zeros."""
    if isinstance(model, speech.Speech):
        shortest = count_shortest(model.sizes)
        return np.zeros((1, shortest), np.float32), np.ones((1, shortest), bool)
    if isinstance(model, words.Words | clip.TextTower):
        return np.zeros((1, 1), np.int32), np.ones((1, 1), bool)
    side = model.sizes.image if isinstance(model, clip.ImageTower) else 32
    return (np.zeros((1, side, side, 3), np.float32),)


def count_parameters(variables: Variables) -> int:
    """How many numbers are trained."""
    return sum(leaf.size for leaf in jax.tree_util.tree_leaves(variables["params"]))


def count_shortest(sizes: speech.Sizes) -> int:
    """Samples of the shortest recording that has a step."""
    samples = 1
    for width, stride in zip(reversed(sizes.widths), reversed(sizes.strides), strict=True):
        samples = (samples - 1) * stride + width
    return samples


def _fill(kind: str, model: nn.Module, arrays: Mapping[str, Any], source: str) -> Encoder:
    return Encoder(kind, model, read_variables(trace_shapes(model), arrays, source))
