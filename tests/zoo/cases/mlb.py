"""MLB of block.bootstrap."""

from tests.zoo.cases.bilinear import OUTPUTS, compute_loss, prepare

__all__ = ["OUTPUTS", "compute_loss", "prepare"]
