"""How clips are explained; imported by the launcher's flags, so it needs nothing but Python."""

from typing import NamedTuple


class Settings(NamedTuple):
    """How to explain a clip.

    Attributes:
      segments: S, the number of super-samples, equal parts of a clip.
      perturbations: perturbed clips in one draw, the clip itself first.
      seeds: draws of perturbations, which show how stable the ranks are.
      kernel: one of `lime.KERNELS`.
      clip: clip predictions to [-1, 1], as eq. 3.7 needs.
      steps: points of the integral of integrated gradients.
      batch: clips at a time, over all devices; gradients take a quarter of it.
    """

    segments: int = 10
    perturbations: int = 2000
    seeds: int = 5
    kernel: str = "thesis"
    clip: bool = True
    steps: int = 32
    batch: int = 8
