"""What launch.export writes, and how it is read back: a deployed part that predicts without the model's code."""

from affect_jax.exported.folder import Exported, inputs_of, is_export, read, shown, write
from affect_jax.exported.items import predict

__all__ = ["Exported", "inputs_of", "is_export", "predict", "read", "shown", "write"]
