"""The page says medians, ratios and shares of what was measured."""

from benchmarks import tables


def side(median, **more):
    return {"median": median, "first": 2.0, "peak": 5e8, "versions": {"jax": "1"}, **more}


def case(title="a step", **sides):
    named = {name.replace("_", "-"): value for name, value in sides.items()}
    return {"title": title, "load": 0.1, "sides": named}


def test_the_fastest_way_of_pytorch_is_shown_and_named():
    one = case(ours=side(0.01), pytorch=side(3.5), pytorch_fused=side(2.5), pytorch_compiled=side(2.6))
    *_, row, empty = tables.steps({"a": one})
    assert empty == ""
    assert row == "| a step | 10.0 ms | 2.50 s | eager, fused optimizer | 250.00 |  |  |"
    head, _, tried, _ = tables.ways({"a": one})
    assert head == "| time (and how many times ours) | eager | eager, fused optimizer | torch.compile |"
    assert tried == "| a step | 3.50 s (350.00) | 2.50 s (250.00) | 2.60 s (260.00) |"


def test_a_side_of_another_run_is_held_against_ours_of_that_run():
    one = case(ours=side(1.0, against=1.0), pytorch=side(2.0, against=0.5), pytorch_fused=side(3.0, against=1.0))
    assert tables.ratio(one, "pytorch") == 4
    assert tables.fastest(one) == "pytorch-fused"


def test_the_share_is_of_the_rate_in_the_same_run():
    one = case(ours=side(0.5), pytorch=side(1.0)) | {"products": 2e9, "rate": 16e9}
    assert tables.share(one) == "25 %"
    assert tables.steps({"a": one})[-2].endswith("| 2.00 GFLOP | 25 % |")
    product = case(ours=side(0.1), pytorch=side(0.05)) | {"products": 1e10}
    assert "100 GFLOP/s by jax, 200 GFLOP/s by PyTorch" in tables.products(product)[0]


def test_a_way_that_one_case_lacks_is_left_empty_and_one_way_alone_is_no_table():
    two = {
        "a": case("a", ours=side(1.0), pytorch=side(2.0), pytorch_compiled=side(2.0)),
        "b": case("b", ours=side(1.0), pytorch_fused=side(4.0), pytorch=side(2.0)),
        "c": case("c", ours=side(1.0), pytorch=side(2.0)),
    }
    *_, a, b, _ = tables.ways(two)
    assert a == "| a | 2.00 s (2.00) |  | 2.00 s (2.00) |"
    assert b == "| b | 2.00 s (2.00) | 4.00 s (4.00) |  |"
    assert tables.ways({"c": two["c"]}) == []


def test_a_row_is_held_against_a_single_run():
    one = case("a trial-step", ours=side(0.9), pytorch=side(1.8)) | {"single": {"seconds": [1.0], "median": 1.0}}
    *_, row, _, note, _ = tables.studies({"a": one})
    assert row == "| a trial-step | 900.0 ms | 1.80 s | eager | 2.00 |  |  |"
    assert note == (
        "a trial-step: 900.0 ms. A step of one run alone on all cores, in turns with it: 1.00 s. "
        "A trial takes 0.90 of it."
    )


def test_a_row_on_an_accelerator_is_held_against_pytorchs_single_step_and_the_table_is_extrapolated():
    single = {"seconds": [0.02], "median": 0.02, "others": {"pytorch": 0.05, "pytorch-compiled": 0.04}}
    one = case("a trial-step", ours=side(0.002, epochs=[[0.8, 0.8]])) | {"single": single}
    lines = tables.studies({"trials-fusion-50": one})
    fastest = "PyTorch's step of one run alone there, the fastest of its ways (torch.compile): 40.0 ms, "
    assert f"{fastest}20.0 times a trial's step." in lines
    assert any("188 steps" in line and "2.00 ms a trial's step" in line for line in lines)
    assert not any("188 steps" in line for line in tables.studies({"trials-fusion-8": one}))


def test_bfloat16_is_held_against_float32_of_ours():
    both = {"sew": case(ours=side(1.0), pytorch=side(3.0))}, {"sew": case(ours=side(0.5), pytorch=side(2.0))}
    shared = dict(products=2e9, rate=16e9)
    lines = tables.bfloat16(
        {"sew": both[1]["sew"] | shared, "matmul": case(ours=side(1.0), pytorch=side(1.0)) | shared}, both[0]
    )
    assert "| a step | 500.0 ms | 2.00 | 2.00 s | eager | 4.00 | 25 % |" in lines
    assert any(line.startswith("The product of two large square matrices of bfloat16: 2 GFLOP/s") for line in lines)
    assert "| a step | 500.0 ms |  | 2.00 s | eager | 4.00 |  |" in tables.bfloat16(both[1], {})
    assert tables.bfloat16({}, both[0]) == []


def test_compiling_is_shown_where_it_was_timed():
    timed = case(ours=side(1.0, compile=9.0), pytorch=side(1.0), pytorch_compiled=side(1.0, compile=40.0))
    *_, row, _ = tables.compiling({"a": timed, "old": case(ours=side(1.0))})
    assert row == "| a step | 9.0 s | 40.0 s |"
    assert tables.compiling({"old": case(ours=side(1.0))}) == []


def test_ours_alone_is_shown_without_a_ratio():
    one = {"a": case(ours=side(0.2))}
    assert tables.steps(one)[-2] == "| a step | 200.0 ms |  |  |  |  |  |"
    assert tables.memory(one)[-2] == "| a step | 0.50 GB |  | 2.0 s |  |"
    assert tables.aims(one) == []


def test_the_aims_count_every_case_once():
    found = {str(x): case(f"case {x}", ours=side(1.0), pytorch=side(x)) for x in (3.0, 2.0, 1.5, 0.5)}
    assert tables.aims(found) == [
        "At most half of PyTorch's time: case 3.0 (3.00); case 2.0 (2.00).",
        "",
        "The aim is missed: case 1.5 (1.50); case 0.5 (0.50).",
        "",
    ]


def test_what_misses_half_of_pytorchs_time_may_be_bound_by_products():
    """And says which share of the rate half would be."""
    bound = case("a study", ours=side(1.0), pytorch=side(1.5)) | {"products": 12e9, "rate": 16e9}
    assert tables.studies({"a": bound})[-2].endswith("| 1.50 | 12.00 GFLOP | 75 % |")
    (line, _) = tables.aims({"a": bound})
    assert line.startswith("More than half, bound")
    assert line.endswith(": a study (1.50; half would be 100 % of the rate).")
    assert tables.aims({"a": bound | {"rate": 25e9}})[0].startswith("The aim is missed")
    slower = case("a study", ours=side(1.0), pytorch=side(0.9)) | {"products": 12e9, "rate": 16e9}
    assert tables.aims({"a": slower})[0].startswith("The aim is missed")


def test_a_whole_page_has_tables_of_one_width_and_names_its_commands():
    versions = {"versions": {"torch": "2"}}
    record = {
        "machine": "two cores",
        "cases": {
            "sew": case(ours=side(1.0, date="2026-01-02", command="python -m a"), pytorch=side(2.0) | versions),
            "trials-sew": case("a study", ours=side(1.0), pytorch=side(2.0) | versions),
        },
        "startup": {
            "configs": {"configs/sew.py": {"cold": 30.0, "warm": [9.0, 8.5]}},
            "date": "2026-01-03",
            "command": "python -m b",
        },
        "growth": {
            "axes": {
                "trials": {
                    "title": "A study against its trials",
                    "unit": "trials",
                    "sizes": [1, 10],
                    "seconds": [0.5, 5.0],
                    "bytes": [1e9, 2e9],
                    "laws": ["Time grows."],
                    "plot": "results/growth.svg",
                }
            },
            "date": "2026-01-03",
            "command": "python -m c",
        },
    }
    lines = tables.page(record, "results/two.json")
    assert "jax 1, torch 2; float32. Load average before: at most 0.1." in "\n".join(lines)
    assert {line for line in lines if line.startswith("- `")} == {
        "- `python -m a` (2026-01-02)",
        "- `python -m b` (2026-01-03)",
        "- `python -m c` (2026-01-03)",
        "- `python -m benchmarks.run` (before dates were kept)",
    }
    assert "| `configs/sew.py` | 30.00 s | 9.00 s, 8.50 s |" in lines
    assert "| time | 500.0 ms | 5.00 s |" in lines
    assert "![](results/growth.svg)" in lines
    blocks = "\n".join(lines).split("\n\n")
    assert all(len({line.count("|") for line in b.splitlines()}) == 1 for b in blocks if b.startswith("|"))
