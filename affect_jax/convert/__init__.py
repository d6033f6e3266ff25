"""Weights of other programs' models into ours and back, as plain arrays: nothing here can run foreign code."""

from affect_jax.convert.conflictnet import export_keras_conflictnet, import_keras_conflictnet
from affect_jax.convert.converters import CONVERTERS, Speech, convert_file
from affect_jax.convert.folder import describe_model, read_arrays, read_model, write_model
from affect_jax.convert.fusion import export_torch_fusion, import_torch_fusion, list_fusion_inputs
from affect_jax.convert.methods import export_weights, import_weights, list_methods
from affect_jax.convert.state_dict_files import read_state_dict, write_state_dict

__all__ = [
    "CONVERTERS",
    "Speech",
    "convert_file",
    "describe_model",
    "export_keras_conflictnet",
    "export_torch_fusion",
    "export_weights",
    "import_keras_conflictnet",
    "import_torch_fusion",
    "import_weights",
    "list_fusion_inputs",
    "list_methods",
    "read_arrays",
    "read_model",
    "read_state_dict",
    "write_model",
    "write_state_dict",
]
