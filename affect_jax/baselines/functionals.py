"""The 6,373 functionals of the INTERSPEECH 2013 challenge, by openSMILE.

ComParE_2016 is the set of 2013 (130 low-level descriptors, their functionals) as openSMILE now ships it. Its authors
have corrected some descriptors since, so the numbers differ from those that the challenge handed out.
"""

import importlib.metadata

import numpy as np

from affect_jax.baselines.descriptors import Extractor
from affect_jax.errors import UserError

NAME = "ComParE_2016"


def is_opensmile_installed() -> bool:
    """Whether openSMILE is installed."""
    return bool(_find_version())


def _find_version() -> str:
    try:
        return importlib.metadata.version("opensmile")
    except importlib.metadata.PackageNotFoundError:
        return ""


def make_extractor() -> Extractor:
    """Makes the extractor of the functionals of a whole clip.

    Raises:
      UserError: openSMILE is not installed.
    """
    if not is_opensmile_installed():
        raise UserError(
            "the IS13 baseline needs openSMILE, which is not installed: pip install 'affect-jax[opensmile]' "
            "(its licence is for research and teaching only), or leave is13 out of --methods"
        )
    # An optional package.
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.ComParE_2016, opensmile.FeatureLevel.Functionals)

    def compute_row(x: np.ndarray, rate: int) -> np.ndarray:
        return smile.process_signal(x, rate).to_numpy()[0]

    return Extractor(NAME, _find_version(), tuple(smile.feature_names), compute_row)
