"""Weights of other programs' models into ours and back, as plain arrays: nothing here can run foreign code."""

from affect_jax.convert.conflictnet import export_keras_conflictnet, import_keras_conflictnet
from affect_jax.convert.converters import CONVERTERS, Speech, convert_file
from affect_jax.convert.folder import describe_model, read_arrays, read_model, write_model
from affect_jax.convert.fusion import export_torch_fusion, import_torch_fusion, list_fusion_inputs

__all__ = [
    "CONVERTERS",
    "Speech",
    "convert_file",
    "describe_model",
    "export_keras_conflictnet",
    "export_torch_fusion",
    "import_keras_conflictnet",
    "import_torch_fusion",
    "list_fusion_inputs",
    "read_arrays",
    "read_model",
    "write_model",
]
