"""The page says medians and ratios of what was measured."""

from benchmarks.table import markdown


def side(median, version):
    return {"median": median, "first": 2.0, "peak": 5e8, "versions": version}


def test_ratio_units_and_versions():
    case = {
        "title": "a step",
        "load": 0.1,
        "sides": {"ours": side(0.01, {"jax": "1"}), "pytorch": side(2.5, {"torch": "2"})},
    }
    lines = markdown({"a": case}, "two cores").splitlines()
    assert lines[0] == "# two cores"
    assert "jax 1, torch 2" in lines[2]
    assert "at most 0.1" in lines[2]
    assert lines[-1] == "| a step | 10.0 ms | 2.50 s | 250.00 | 2.0 s | 2.0 s | 0.50 GB | 0.50 GB |"
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1


def test_a_side_that_one_case_lacks_is_left_empty():
    ours, theirs = side(1.0, {"jax": "1"}), side(2.0, {"torch": "2"})
    found = {
        "a": {"title": "a", "load": 0.1, "sides": {"ours": ours, "pytorch": theirs, "pytorch-compiled": theirs}},
        "b": {"title": "b", "load": 2.0, "sides": {"ours": ours, "pytorch": theirs}},
    }
    last = markdown(found, "two cores").splitlines()[-1]
    assert last.startswith("| b | 1.00 s | 2.00 s |  | 2.00 |  |")


def test_a_row_is_held_against_a_single_run():
    sides = {"ours": side(0.9, {"jax": "1"}), "pytorch": side(1.8, {"torch": "2"})}
    case = {"title": "a row-step", "load": 0.1, "sides": sides, "single": {"seconds": [1.0], "median": 1.0}}
    *_, row, empty, note = markdown({"a": case}, "two cores").splitlines()
    assert (row.count("|"), empty) == (9, "")
    assert note == (
        "a row-step: 900.0 ms. A step of one run alone on all cores, in turns with it: 1.00 s. A row takes 0.90 of it."
    )
