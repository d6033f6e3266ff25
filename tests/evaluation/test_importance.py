"""Which hyper-parameters mattered, where the answer was planted."""

import numpy as np
import pytest

from affect_jax.evaluation.importance import weigh_hyperparameters
from affect_jax.experiment.results_file import SearchedPoint

RATE, DROPOUT, DECAY = "fit.learning_rate", "fit.dropout", "fit.decay"


def draw(count=40, sign=1.0):
    random = np.random.default_rng(0)
    points = []
    for _ in range(count):
        rate, dropout, decay = 10 ** random.uniform(-4, -1), random.uniform(0, 0.5), random.uniform(1, 2)
        for fold in ("a", "b"):
            score = -((np.log10(rate) + 2.5) ** 2) - 0.5 * dropout + (fold == "b") + 0.02 * random.normal()
            points.append(SearchedPoint("s", "v", fold, {RATE: rate, DROPOUT: dropout, DECAY: decay}, sign * score))
    return points


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_was_planted_is_found(sign):
    points = draw(sign=sign)
    (one,) = weigh_hyperparameters([*points, SearchedPoint("s", "v", "a", points[0].hyper, None)], sign)
    assert (one.study, one.variant, one.trials) == ("s", "v", 80)
    assert one.explained > 0.7
    assert [of.path for of in one.importances][0] == RATE
    drops = {of.path: of.drop for of in one.importances}
    assert drops[RATE] > 0.5 > 0.1 > abs(drops[DECAY])
    best = {of.path: of.best for of in one.importances}
    assert abs(np.log10(best[RATE]) + 2.5) < 0.5


def test_of_few_points_nothing_is_said():
    assert weigh_hyperparameters(draw(9), 1.0) == []  # eighteen trials of nine points
    assert weigh_hyperparameters([], 1.0) == []
