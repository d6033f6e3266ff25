"""What the host does with the predictions of a split."""

import numpy as np
import pytest

from affect_jax.data import splits


@pytest.mark.parametrize("classes", [0, 2, 5])
def test_delayed_predictions_come_back_by_steps_and_never_by_classes(classes):
    values = np.arange(6.0) if not classes else np.arange(6.0 * classes).reshape(6, classes)
    back = splits.restore_delay(values, 2)
    np.testing.assert_array_equal(back[2:], values[:-2])
    np.testing.assert_array_equal(back[:2], np.stack([values[0]] * 2))
    np.testing.assert_array_equal(splits.restore_delay(values, 0), values)
