"""Items that are far longer than all others: how far they are read, and what is told."""

import pytest

from affect_jax.config.fit_lengths import cut_outliers
from affect_jax.datasets.manifest import Column

LENGTHS = (100,) * 19 + (30_000,)


def cut(lengths, kind="features", **data):
    columns, told = cut_outliers({"voice": Column("voice", kind, 3, max(lengths, default=9), lengths)}, data)
    return columns["voice"].longest, told


@pytest.mark.parametrize(
    ("lengths", "kind", "longest"),
    [
        (LENGTHS, "features", 1900),  # as much as all others
        (LENGTHS, "waveform", 100),
        ((100,) * 500 + (30_000,), "features", 30_000),  # it costs less than the others as it is
        ((100,) * 18 + (30_000, 40_000), "features", 900),
        ((80, 100, 120, 300), "waveform", 300),
        ((), "features", 9),
    ],
)
def test_outliers_cost_at_most_what_all_others_cost(lengths, kind, longest):
    assert cut(lengths, kind)[0] == longest
    assert cut(lengths, kind, cut_outliers=False) == (max(lengths, default=9), [])


def test_it_is_told():
    assert cut(LENGTHS)[1] == [
        "voice: 1 item is far longer than the other 19 (30,000 frames against 100 at most) and read up to 1,900; "
        "config.data.cut_outliers=False reads all"
    ]
    assert cut((100,) * 5)[1] == []
