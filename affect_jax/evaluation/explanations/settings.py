"""Why a model of raw speech says what it says of a clip: SLIME, beside occlusion and integrated gradients.

`clips` chooses what is explained, `explainer` asks the model; `reports.explanations` writes it down.
"""

from typing import NamedTuple


class Settings(NamedTuple):
    """How to explain.

    Attributes:
      segments: super-samples S, equal parts of a clip.
      perturbations: perturbed clips a draw, the clip itself first.
      seeds: draws of perturbations, for the stability of the ranks.
      kernel: of `analysis.lime.KERNELS`.
      clip: hold answers to [-1, 1], as eq. 3.7 needs.
      steps: points of the integral of integrated gradients.
      batch: clips at a time, over all devices; a quarter of it for gradients.
    """

    segments: int = 10
    perturbations: int = 2000
    seeds: int = 5
    kernel: str = "thesis"
    clip: bool = True
    steps: int = 32
    batch: int = 8
