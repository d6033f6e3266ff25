"""As MMMU-BA."""

from tests.zoo.cases.mmmu_ba import OUTPUTS, compute_loss, prepare

__all__ = ["OUTPUTS", "compute_loss", "prepare"]
