"""Fits of known laws, and what of an axis is committed."""

import numpy as np
import pytest

from benchmarks import growth, laws

SIZES = (1, 5, 20, 200)


def test_a_power_and_a_line_are_found_again():
    assert laws.power(SIZES, [3 * x**1.5 for x in SIZES]) == pytest.approx((3, 1.5))
    assert laws.line(SIZES, [4e8 + 2e7 * x for x in SIZES]) == pytest.approx((4e8, 2e7))


def test_the_sentences_name_slope_and_range():
    time, memory = laws.sentences(SIZES, [0.1 * x for x in SIZES], [4e8 + 2e7 * x for x in SIZES], "trial")
    assert time == "Time grows as size^1.00 from 1 to 200 (between the last two points as size^1.00)."
    assert memory.endswith("about 400 MB and 20.00 MB a trial.")


def test_the_plot_is_the_same_every_time(tmp_path):
    for name in ("a.svg", "b.svg"):
        laws.plot(tmp_path / name, SIZES, np.square(SIZES), np.array(SIZES) * 1e8, "Title", "trials")
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    assert "size^2.00" in text
    assert "Title" in text
    assert len(text) < 60_000


def test_sizes_ascend_and_make_cases_of_that_size():
    for axis in growth.AXES.values():
        assert list(axis.sizes) == sorted(axis.sizes)
    assert growth.AXES["trials"].sizes[-1] == 200
    for name, field in (("length", "frames"), ("batch", "batch"), ("clip", "seconds")):
        axis = growth.AXES[name]
        assert [getattr(axis.case(size), field) for size in axis.sizes] == list(axis.sizes)
