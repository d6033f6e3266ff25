"""MU-SA of declare-lab/multimodal-deep-learning (MIT, Keras), trimodal_attention_models.py."""

import functools

from affect_jax.convert import contextual_names
from affect_jax.convert.contextual_names import ARGUMENTS, FRAMEWORK, KEYS, MODEL, list_inputs, read_sizes

__all__ = ["ARGUMENTS", "FRAMEWORK", "KEYS", "MODEL", "TWIN", "list_inputs", "list_names", "make_model", "read_sizes"]

TWIN = "mmuu_sa"
make_model = functools.partial(contextual_names.make_model, "MU_SA")
list_names = functools.partial(contextual_names.list_names, "MU_SA")
