"""What results.json says of a trial."""

import numpy as np

from affect_jax.experiment import results


def test_scores_per_recording_are_of_recordings_that_have_several_steps():
    y = np.array([0.1, 0.4, 0.2, 0.9], np.float32)
    one, several = (results.score_trial("regression", y, y, np.array(of)) for of in ([0, 1, 2, 3], [0, 0, 1, 1]))
    assert set(several) - set(one) == {f"{metric}_per_recording" for metric in ("ccc", "pcc", "rmse")}
    assert one["ccc"] == several["ccc"] == several["ccc_per_recording"] == 1
