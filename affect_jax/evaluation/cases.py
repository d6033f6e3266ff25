"""The four cases by which section 3.4.1 of the thesis looks at a regression's clips."""

import numpy as np

NAMES = {
    1: "same sign, within the margin",
    2: "truth positive, prediction negative",
    3: "truth negative, prediction positive",
    4: "same sign, beyond the margin",
}
MARGIN = 0.5


def assign_cases(target: np.ndarray, prediction: np.ndarray, margin: float = MARGIN) -> np.ndarray:
    """int [F]: each clip's case, 1 to 4. 0 counts as positive, as in scores of the sign."""
    high, predicted_high = target >= 0, prediction >= 0
    same = np.where(np.abs(target - prediction) <= margin, 1, 4)
    return np.where(high == predicted_high, same, np.where(high, 2, 3))


def choose_examples(target: np.ndarray, prediction: np.ndarray) -> dict[int, int]:
    """Case -> number of its clip with the largest |prediction|; cases without a clip are not in it."""
    case = assign_cases(target, prediction)
    size = np.abs(prediction)
    return {c: int(np.argmax(np.where(case == c, size, -1.0))) for c in sorted(NAMES) if (case == c).any()}
