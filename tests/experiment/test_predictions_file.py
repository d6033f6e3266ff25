"""What is kept of predictions: all that was asked for, whatever was answered."""

import numpy as np

from affect_jax.evaluation import read
from affect_jax.experiment import predictions_file


def test_a_step_that_nobody_answers_is_kept_as_it_was_asked():
    values = np.array([[0.1, np.nan, 0.3, np.nan], [0.5, np.nan, np.nan, np.nan]], np.float32)
    asked = np.array([[True, True, True, False], [True, True, False, False]])
    names = np.array(["a", "b", "c", "d"])
    steps = predictions_file.Steps(np.arange(4, dtype=np.float32), names, names)
    arrays = predictions_file.collect_predictions("s", (0, 1), {"test": values}, {"test": asked}, {"test": steps})
    assert arrays["s/test/id"].tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(arrays["s/test/asked"], asked[:, :3])
    predictions = read.Predictions(values[:, :3], steps.target[:3], names[:3], names[:3], np.arange(2), asked[:, :3])
    np.testing.assert_array_equal(predictions.is_known, asked[:, :3])
    np.testing.assert_array_equal(predictions.select_trials([1]).is_known, asked[1:, :3])
