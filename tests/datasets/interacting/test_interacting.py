"""The corpus whose share of interaction is known."""

import itertools

import numpy as np
import pytest

from affect_jax.datasets import interacting
from affect_jax.datasets.interacting import synthetic
from affect_jax.errors import UserError
from affect_jax.evaluation.interactions.projection import list_subsets, project
from configs import interactions

SMALL = dict(scenarios=3, train=2, validation=1, test=1, steps=4, columns=5)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    settings = {"target": "pairs", "data_dir": str(tmp_path_factory.mktemp("data")), "synthetic": SMALL}
    return interacting.load(settings)


def test_the_reader_gives_what_was_generated_and_scenarios_share_nothing(corpus):
    assert corpus.synthetic
    made = synthetic.make_scenario(0, 1, counts=dict(train=2, validation=1, test=1), steps=4, columns=5)
    kept = {r.id: r for r in corpus.splits["train"]}
    for name, arrays in made.items():
        np.testing.assert_array_equal(kept[name].targets["pairs"], arrays["pairs"])
        for m in interacting.MODALITIES:
            np.testing.assert_array_equal(kept[name].features[m], arrays[m])
    sides = [set(side) for fold in corpus.folds.values() for side in fold]
    assert set().union(*sides) == set(kept)
    assert all(a.isdisjoint(b) for a, b in itertools.combinations(sides, 2))


def test_the_config_takes_the_corpus_as_it_is_and_every_label():
    config = interactions.get_config("triples")
    assert config.corpus.synthetic.to_dict() == interacting.DEFAULTS["synthetic"]
    assert config.corpus.target == config.data.target == "triples"
    assert interactions.MODALITIES == interacting.MODALITIES
    assert tuple(interacting.TARGETS) == interactions.TARGETS
    with pytest.raises(UserError, match="choose one of"):
        interactions.get_config("sums")


def ccc(a, b):
    return 2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)


@pytest.mark.parametrize("target", interacting.TARGETS)
def test_projections_have_the_planted_shares(target):
    """Of a predictor that knows the label, with the means over all others taken on a grid of the factors."""
    grid = (np.arange(40) + 0.5) / 20 - 1  # evenly from -1 to 1
    grid = grid * 3**0.5
    every = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1).reshape(-1, 3)
    values = synthetic.compute_labels(every)[target].reshape(40, 40, 40)
    means = {}
    for subset in list_subsets(3):
        others = tuple(m for m in range(3) if m not in subset)
        means[subset] = np.broadcast_to(values.mean(axis=others, keepdims=True), values.shape).ravel()
    shares = interacting.TARGETS[target]
    assert values.var() == pytest.approx(1, abs=0.01)
    for order in (1, 2, 3):
        left = project(means, 3, order)
        share = sum(shares[:order])
        assert left.var() == pytest.approx(share, abs=0.01)
        if share:
            assert ccc(left, values.ravel()) == pytest.approx(2 * share / (1 + share), abs=0.01)


@pytest.mark.parametrize("size", [dict(scenarios=2), dict(test=0)])
def test_refuses_sizes(size, tmp_path):
    with pytest.raises(UserError, match="give at least 3 scenarios, and at least 1 of the rest"):
        interacting.synthesize(tmp_path / "a", **size)
