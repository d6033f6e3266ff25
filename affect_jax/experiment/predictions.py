"""predictions.npz: what every trial says of every example that it is scored on, without pickled objects.

<study>/trial                 int [R], numbers of the trials in results.json
<study>/<split>/prediction    float32 [R, F], or [R, F, C] logits; NaN where a trial predicts nothing
<study>/<split>/target        float32 [F]
<study>/<split>/id            str [F], of the frame or item
<study>/<split>/group         str [F], speaker or session
"""

from collections.abc import Mapping

import numpy as np

FILE = "predictions.npz"


def name_arrays(
    study: str,
    split: str,
    prediction: np.ndarray,
    target: np.ndarray,
    ids: np.ndarray,
    groups: np.ndarray,
) -> dict[str, np.ndarray]:
    """The entries of one study and split; frames that no trial predicts are left out.

    Args:
      study: its name.
      split: validation or test.
      prediction: float32 [R, F] or [R, F, C].
      target: float32 [F].
      ids: str [F].
      groups: str [F].
    """
    predicted = ~np.isnan(prediction.reshape(len(prediction), len(target), -1)).all((0, 2))
    arrays: Mapping[str, np.ndarray] = {
        "prediction": prediction[:, predicted],
        "target": target[predicted],
        "id": ids[predicted],
        "group": groups[predicted],
    }
    return {f"{study}/{split}/{name}": values for name, values in arrays.items()}


def name_trials(study: str, first: int, count: int) -> dict[str, np.ndarray]:
    """The entry that says which trials of results.json the rows of a study are."""
    return {f"{study}/trial": np.arange(first, first + count)}
