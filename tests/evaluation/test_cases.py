import numpy as np

from affect_jax.evaluation import cases

TARGET = np.array([0.4, 0.4, -0.4, 0.9, -0.9, 0.0, -0.1])
PREDICTION = np.array([0.6, -0.2, 0.3, 0.1, -0.2, 0.2, -0.6])


def test_each_clip_has_the_case_of_its_signs_and_its_error():
    np.testing.assert_array_equal(cases.assign_cases(TARGET, PREDICTION), [1, 2, 3, 4, 4, 1, 1])


def test_the_margin_belongs_to_the_first_case():
    np.testing.assert_array_equal(cases.assign_cases(np.array([0.75, 0.76]), np.array([0.25, 0.25])), [1, 4])


def test_examples_are_the_most_extreme_predictions_of_the_cases_that_occur():
    assert cases.choose_examples(TARGET, PREDICTION) == {1: 0, 2: 1, 3: 2, 4: 4}
    assert cases.choose_examples(TARGET[:2], PREDICTION[:2]) == {1: 0, 2: 1}
