"""What is kept of a corpus that is read from its files: never too much, never something else than was read."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from affect_jax.datasets.cache import Cache, count_bytes


def example(number):
    """{name: array} of 4 * (number + 1) bytes, in two arrays one of which lies deeper."""
    return {"speech": np.full(number, number, np.int32), "features": {"a": np.full(1, -number, np.float32)}}


def fill(cache, *numbers):
    """Asks for these; says which had to be read."""
    read = []
    for number in numbers:
        cache.get(number, lambda n=number: read.append(n) or example(n))
    return read


def test_what_was_not_asked_for_longest_goes_first():
    cache = Cache(count_bytes(example(3)) * 3)
    assert count_bytes(example(3)) == 16
    assert fill(cache, 3, 3) == [3]
    keys = ("x", "y", "z", "x", "w")  # x is asked for again, so y goes
    for key in keys:
        cache.get(key, lambda: example(3))
    assert [key in cache for key in ("w", "x", "y", "z", 3)] == [True, True, False, True, False]
    assert cache.held == 48


@pytest.mark.parametrize("seed", range(3))
def test_never_more_than_the_limit_and_always_what_was_read(seed):
    draw, cache = np.random.default_rng(seed), Cache(200)
    for number in draw.integers(0, 60, 300):  # from 50 on an example is larger than the whole cache
        outcome = cache.get(int(number), lambda n=number: example(int(n)))
        np.testing.assert_array_equal(outcome["speech"], example(number)["speech"])
        assert cache.held == sum(count_bytes(example(n)) for n in range(60) if n in cache) <= 200
        assert (number in cache) == (number < 50)


def test_nothing_is_kept_without_room():
    cache = Cache(0)
    assert fill(cache, 1, 1) == [1, 1]
    assert 1 not in cache


def test_many_threads_get_what_they_ask_for():
    cache, most = Cache(400), []

    def work(seed):
        for number in np.random.default_rng(seed).integers(0, 30, 400):
            outcome = cache.get(int(number), lambda n=number: example(int(n)))
            assert outcome["features"]["a"] == -number
            assert len(outcome["speech"]) == number
            most.append(cache.held)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert max(most) <= 400
    assert len(most) == 3200


def test_one_thread_reads_and_the_others_wait_for_it():
    cache, go, read = Cache(1000), threading.Event(), []

    def slow():
        read.append(1)
        assert go.wait(10)
        return example(2)

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(cache.get, "x", slow) for _ in range(4)]
        go.set()
        first, *others = [one.result() for one in waiting]
    assert len(read) == 1
    assert all(other is first for other in others)


def test_what_cannot_be_read_is_asked_for_anew():
    cache = Cache(1000)

    def gone():
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        cache.get("x", gone)
    assert fill(cache, 5, 5) == [5]
    np.testing.assert_array_equal(cache.get("x", lambda: example(7))["speech"], example(7)["speech"])
