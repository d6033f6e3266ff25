import numpy as np
import pytest

from affect_jax.datasets.ravdess.release import Clip
from affect_jax.datasets.ravdess_debates import debate_plan
from affect_jax.datasets.ravdess_debates.debate_plan import Turn, Utterance

RATE = 100


def utterance(length, *, emotion=1, intensity=1, actor=1, start=0):
    return Utterance(Clip(emotion, intensity, 1, 1, actor), start, start + length)


@pytest.fixture
def pool():
    """Three actors with every emotion, of 1 to 3 s."""
    rng = np.random.default_rng(0)
    return [
        utterance(int(rng.integers(RATE, 3 * RATE)), emotion=emotion, intensity=intensity, actor=actor, start=50)
        for actor in (1, 2, 3)
        for emotion in range(1, 9)
        for intensity in (1, 2)
    ]


def test_target_rises_with_either_share_and_spans_the_range():
    assert debate_plan.compute_target(0, 0) == -10
    assert debate_plan.compute_target(debate_plan.MOST_OVERLAP, debate_plan.MOST_ANGER) == 10
    assert (
        debate_plan.compute_target(debate_plan.MOST_OVERLAP, 0)
        == debate_plan.compute_target(0, debate_plan.MOST_ANGER)
        == 0
    )
    assert debate_plan.compute_target(0.9, 1.0) == 10, "more than the most is the most"
    grid = np.array(
        [[debate_plan.compute_target(o, a) for a in np.linspace(0, 0.7, 8)] for o in np.linspace(0, 0.5, 6)]
    )
    assert (np.diff(grid, axis=0) > 0).all()
    assert (np.diff(grid, axis=1) > 0).all()


def test_target_is_uniform_and_neither_share_tells_all():
    wanted = debate_plan.draw_shares(np.random.default_rng(0), 4000)
    values = np.array([debate_plan.compute_target(*pair) for pair in wanted])
    counts, _ = np.histogram(values, 10, (-10, 10))
    assert counts.min() > 320
    assert counts.max() < 480
    for share in wanted.T:
        assert 0.4 < np.corrcoef(share, values)[0, 1] ** 2 < 0.6
    assert abs(np.corrcoef(wanted.T)[0, 1]) < 0.05


def test_measure_by_hand():
    turns = [
        Turn(utterance(40), 0),
        Turn(utterance(20, emotion=5, intensity=2, start=7), 30),  # 10 samples over the first
        Turn(utterance(30, emotion=5), 60),
        Turn(utterance(10, emotion=3, intensity=2), 90),
    ]
    found = debate_plan.measure_shares(turns, 100)
    assert found.overlap == pytest.approx(10 / 90)
    assert found.anger == pytest.approx((20 * 1.0 + 30 * 0.5) / 100)
    np.testing.assert_allclose(found.overlap_tenths, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(found.anger_tenths, [0, 0, 0, 1, 1, 0, 0.5, 0.5, 0.5, 0])


@pytest.mark.parametrize("seconds", [6, 30])
@pytest.mark.parametrize("count", [2, 3])
def test_debates_are_chains(pool, seconds, count):
    samples = seconds * RATE
    pool = [u for u in pool if u.clip.actor <= count]
    for seed in range(40):
        rng = np.random.default_rng(seed)
        wanted = debate_plan.draw_shares(rng, 1)[0]
        turns = debate_plan.plan_debate(rng, pool, wanted, samples)
        starts = np.array([turn.at for turn in turns])
        stops = starts + [turn.utterance.stop - turn.utterance.start for turn in turns]
        assert starts[0] >= 0
        assert stops[-1] <= samples
        assert (np.diff(starts) > 0).all()
        assert (starts[2:] >= stops[:-2]).all(), "three never talk at once"
        said_by = [turn.utterance.clip.actor for turn in turns]
        assert all(a != b for a, b in zip(said_by, said_by[1:], strict=False))
        talking = np.zeros(samples, bool)
        for start, stop in zip(starts, stops, strict=True):
            talking[start:stop] = True
        assert talking.mean() > (0.8 if seconds == 30 else 0.4)


def test_debates_hold_what_was_wanted(pool):
    found, asked = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        wanted = debate_plan.draw_shares(rng, 1)[0]
        held = debate_plan.measure_shares(debate_plan.plan_debate(rng, pool, wanted, 30 * RATE), 30 * RATE)
        asked.append(wanted)
        found.append((held.overlap, held.anger))
    off = np.array(found) - np.array(asked)
    assert np.abs(off[:, 0]).max() < 0.02
    assert np.abs(off[:, 1]).mean() < 0.05


def test_passages_are_placed_anywhere(pool):
    """Over many clips, no tenth is favoured: where something lies says nothing."""
    where = np.zeros((2, debate_plan.TENTHS))
    for seed in range(300):
        rng = np.random.default_rng(seed)
        held = debate_plan.measure_shares(
            debate_plan.plan_debate(rng, pool, debate_plan.draw_shares(rng, 1)[0], 30 * RATE), 30 * RATE
        )
        where += [held.overlap_tenths, held.anger_tenths]
    where /= where.mean(axis=1, keepdims=True)
    assert where.min() > 0.5
    assert where.max() < 1.5


def test_draws_cover_the_square():
    wanted = debate_plan.draw_shares(np.random.default_rng(3), 50)
    for share, most in zip(wanted.T, (debate_plan.MOST_OVERLAP, debate_plan.MOST_ANGER), strict=True):
        assert sorted((share / most * 50).astype(int)) == list(range(50))
