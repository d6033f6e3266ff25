import numpy as np
import pytest

from affect_jax.datasets import missing_values
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError

NAN, INF = np.nan, np.inf


def splits(values, others=((1.0, 2.0),)):
    def recording(name, rows):
        rows = np.array(rows, np.float32)
        return Recording(name, name, tuple(f"{name}_{i}" for i in range(len(rows))), {"audio": rows}, {})

    return {"train": [recording("a", values), recording("b", others)]}


def locate(recording, modality, step, column):
    return f"{recording.id}.csv {modality} column {column} row {step}"


def test_finite_features_pass_untouched():
    given = splits([[1.0, 2.0]])
    filled, gaps = missing_values.replace_missing_values(given, "refuse", locate)
    assert gaps == (0, 0, "")
    assert filled["train"][0].features["audio"] is given["train"][0].features["audio"]


def test_refusal_counts_and_names():
    given = splits([[1.0, 2.0], [NAN, INF], [3.0, -INF]], others=[[0.0, NAN]])
    with pytest.raises(
        UserError, match="4 missing or infinite values in 2 columns, the first in a.csv audio column 0 row 1;"
    ):
        missing_values.replace_missing_values(given, "refuse", locate)


@pytest.mark.parametrize(
    ("policy", "expected"), [("zero", [[1, 2], [0, 0], [3, 0]]), ("mean", [[1, 2], [2, 2], [3, 2]])]
)
def test_replacement(policy, expected):
    # The other recording's values must not leak into the mean.
    given = splits([[1.0, 2.0], [NAN, INF], [3.0, -INF]], others=[[50.0, 60.0]])
    filled, gaps = missing_values.replace_missing_values(given, policy, locate)
    np.testing.assert_array_equal(filled["train"][0].features["audio"], np.array(expected, np.float32))
    np.testing.assert_array_equal(filled["train"][1].features["audio"], [[50.0, 60.0]])
    assert filled["train"][0].features["audio"].dtype == np.float32
    assert gaps == (3, 2, "a.csv audio column 0 row 1")
    assert np.isnan(given["train"][0].features["audio"][1, 0]), "the input is not written to"


def test_mean_over_nothing_is_refused():
    with pytest.raises(UserError, match=r"a.csv audio column 1 row 0: the whole column has no finite value"):
        missing_values.replace_missing_values(splits([[1.0, NAN], [2.0, NAN]]), "mean", locate)


def test_unknown_policy():
    with pytest.raises(UserError, match="nonfinite is 'drop'"):
        missing_values.replace_missing_values(splits([[1.0, 2.0]]), "drop", locate)
