import numpy as np
import pytest

from affect_jax.data import avec


def _recordings(seed, lengths=(120, 90, 60)):
    """Smooth gold standards, and predictions that are noisy, biased, shrunk and early."""
    rng = np.random.default_rng(seed)
    gold = [np.sin(np.arange(n) / 9 + rng.uniform(0, 6)) * 0.3 + 0.1 for n in lengths]
    predictions = [0.4 * avec.shift(g, -4) - 0.2 + 0.05 * rng.normal(size=len(g)) for g in gold]
    return predictions, gold


def _fit(predictions, gold):
    return avec.fit(predictions, gold, windows=(3, 5, 9), shifts=range(1, 9))


def _ccc(predictions, gold):
    x, y = np.concatenate(predictions), np.concatenate(gold)
    return 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


@pytest.mark.parametrize("seed", range(4))
def test_the_chain_finds_what_was_done_and_never_hurts(seed):
    predictions, gold = _recordings(seed)
    post = _fit(predictions, gold)
    assert abs(post.shift - 4) <= 1
    assert post.scale > 1.5
    assert post.offset > 0.1
    assert _ccc(avec.apply(post, predictions), gold) > max(_ccc(predictions, gold), 0.85)


@pytest.mark.parametrize("seed", range(4))
def test_never_worse_than_nothing_on_noise(seed):
    rng = np.random.default_rng(seed)
    predictions, gold = [rng.normal(size=50)], [rng.normal(size=50)]
    assert _ccc(avec.apply(_fit(predictions, gold), predictions), gold) >= _ccc(predictions, gold)


def test_spikes_are_filtered_where_they_are_what_hurts():
    _, gold = _recordings(0)
    rng = np.random.default_rng(0)
    post = _fit([g + (rng.random(len(g)) < 0.05) - (rng.random(len(g)) < 0.05) for g in gold], gold)
    assert post.window > 1


def test_perfect_or_constant_predictions_stay():
    _, gold = _recordings(0)
    assert _fit(gold, gold) == avec.PostProcess()
    still = [np.zeros_like(g) for g in gold]
    assert _fit(still, gold) == avec.PostProcess()


def test_recordings_do_not_touch():
    predictions, gold = _recordings(0)
    post = _fit(predictions, gold)
    together = avec.apply(post, predictions)
    for one, prediction in zip(together, predictions, strict=True):
        np.testing.assert_array_equal(one, avec.apply(post, [prediction])[0])


def test_types_are_kept():
    predictions, gold = _recordings(0)
    assert avec.apply(_fit(predictions, gold), [predictions[0].astype(np.float32)])[0].dtype == np.float32


def test_median_filter_by_hand():
    np.testing.assert_array_equal(avec.median_filter(np.array([5.0, 1, 9, 2, 3]), 3), [5, 5, 2, 3, 3])
    spike = np.zeros(2000)
    spike[700] = 1
    assert not avec.median_filter(spike, 301).any()
    with pytest.raises(ValueError, match="odd"):
        avec.median_filter(spike, 4)


@pytest.mark.parametrize("seed", range(3))
def test_median_filter_properties(seed):
    x = np.random.default_rng(seed).normal(size=40)
    filtered = avec.median_filter(x, 7)
    assert np.isin(filtered, x).all()
    np.testing.assert_allclose(avec.median_filter(3 * x + 2, 7), 3 * filtered + 2)
    np.testing.assert_array_equal(avec.median_filter(np.sort(x), 7), np.sort(x)[np.r_[0, 1, 2, 3:37, 37, 38, 39]])


def test_shift_by_hand():
    x = np.array([1, 2, 3, 4])
    np.testing.assert_array_equal(avec.shift(x, 1), [1, 1, 2, 3])
    np.testing.assert_array_equal(avec.shift(x, -1), [2, 3, 4, 4])
    np.testing.assert_array_equal(avec.shift(x, 9), [1, 1, 1, 1])


def test_delay_by_hand():
    target = np.array([[1.0, 2, 3, 4, 0], [5, 6, 7, 8, 9], [0, 0, 0, 0, 0]])
    mask = np.array([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]], bool)
    delayed = avec.delay_targets(target, mask, 2)
    np.testing.assert_array_equal(delayed, [[3, 4, 4, 4, 0], [7, 8, 9, 9, 9], [0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(
        avec.restore_delay(delayed, mask, 2), [[3, 3, 3, 4, 0], [7, 7, 7, 8, 9], [0, 0, 0, 0, 0]]
    )


@pytest.mark.parametrize("seed", range(5))
def test_delay_properties(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 13, size=6)
    mask = np.arange(12)[None, :] < lengths[:, None]
    target, n, m = rng.normal(size=(6, 12)), rng.integers(0, 5), rng.integers(0, 5)
    delayed = avec.delay_targets(target, mask, n)
    np.testing.assert_array_equal(delayed[~mask], target[~mask])
    np.testing.assert_array_equal(avec.delay_targets(target, mask, 0), target)
    np.testing.assert_array_equal(avec.delay_targets(delayed, mask, m), avec.delay_targets(target, mask, n + m))
    back = avec.restore_delay(delayed, mask, n)
    for row in range(6):
        # only the first n steps are lost, to the first that is known
        np.testing.assert_array_equal(back[row, n : lengths[row]], target[row, n : lengths[row]])
        alone = avec.shift(target[row, : lengths[row]], -n)
        np.testing.assert_array_equal(delayed[row, : lengths[row]], alone)


def test_bad_arguments():
    with pytest.raises(ValueError, match="lengths"):
        avec.fit([np.zeros(3)], [np.zeros(4)])
    with pytest.raises(ValueError, match="come first"):
        avec.delay_targets(np.zeros(3), np.array([True, False, True]), 1)
    with pytest.raises(ValueError, match="0 frames or more"):
        avec.delay_targets(np.zeros(3), np.ones(3, bool), -1)
    with pytest.raises(ValueError, match="one shape"):
        avec.restore_delay(np.zeros(3), np.ones(4, bool), 1)
