"""Files and page of the record: what is measured again replaces, what is not stays."""

import json

from benchmarks import record, run
from benchmarks.machine import Machine

CPU, GPU = Machine("2 cores of X", "cpu-2-cores"), Machine("GPU Y", "gpu-y")


def case(title="a step", **medians):
    sides = {
        name.replace("_", "-"): {"median": m, "first": 1.0, "peak": 1e9, "versions": {"jax": "1"}, "against": 1.0}
        for name, m in medians.items()
    }
    return {"title": title, "load": 0.0, "took": 90.0, "sides": sides}


def kept(folder, where=CPU):
    return json.loads((folder / "results" / f"{where.file}.json").read_text())


def test_a_side_that_is_not_timed_again_stays_with_its_own_ratio(tmp_path):
    record.put(CPU, "cases", {"sew": case(ours=1.0, pytorch=3.0, pytorch_compiled=4.0)}, tmp_path)
    again = case(ours=2.0, pytorch=3.0)
    again["sides"] = {side: {**values, "against": 2.0} for side, values in again["sides"].items()}
    record.put(CPU, "cases", {"sew": again}, tmp_path)
    sides = kept(tmp_path)["cases"]["sew"]["sides"]
    assert {side: (one["median"], one["against"]) for side, one in sides.items()} == {
        "ours": (2.0, 2.0),
        "pytorch": (3.0, 2.0),
        "pytorch-compiled": (4.0, 1.0),
    }


def test_a_case_that_is_another_one_now_keeps_nothing(tmp_path):
    record.put(CPU, "cases", {"sew": case(ours=1.0, pytorch=3.0)}, tmp_path)
    record.put(CPU, "cases", {"sew": case("another step", ours=2.0)}, tmp_path)
    assert list(kept(tmp_path)["cases"]["sew"]["sides"]) == ["ours"]


def test_parts_and_machines_stand_side_by_side_and_the_page_has_all(tmp_path):
    record.put(CPU, "cases", {"trials-sew": case("a study", ours=1.0, pytorch=3.0)}, tmp_path)
    record.put(CPU, "cases", {"sew": case(ours=1.0, pytorch=3.0)}, tmp_path)
    startup = {"configs": {"configs/sew.py": {"cold": 1.0, "warm": [1.0]}}, "date": "2026-01-01", "command": "c"}
    record.put(CPU, "startup", startup, tmp_path)
    record.put(GPU, "cases", {"sew": case(ours=0.1, pytorch=0.3)}, tmp_path)
    assert list(kept(tmp_path)["cases"]) == ["sew", "trials-sew"]
    assert kept(tmp_path)["startup"] == startup
    page = (tmp_path / "RESULTS.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("## ")] == ["## 2 cores of X", "## GPU Y"]
    assert page.index("| a step | 1.00 s |") < page.index("| `configs/sew.py` |") < page.index("| a step | 100.0 ms |")


def test_the_committed_page_is_what_the_committed_files_say(tmp_path):
    (tmp_path / "results").symlink_to(record.FOLDER / "results")
    record.write_page(tmp_path)
    assert (tmp_path / "RESULTS.md").read_text() == (record.FOLDER / "RESULTS.md").read_text()


def test_bfloat16_stands_beside_float32_and_is_estimated_apart(tmp_path):
    record.put(GPU, "cases", {"sew": case(ours=1.0, pytorch=3.0)}, tmp_path)
    record.put(GPU, "bfloat16", {"sew": case(ours=0.5, pytorch=2.0)}, tmp_path)
    record.put(GPU, "bfloat16", {"sew": case(ours=0.4)}, tmp_path)
    found = kept(tmp_path, GPU)
    assert found["cases"]["sew"]["sides"]["ours"]["median"] == 1.0
    assert {side: one["median"] for side, one in found["bfloat16"]["sew"]["sides"].items()} == {
        "ours": 0.4,
        "pytorch": 2.0,
    }
    assert "### In bfloat16" in (tmp_path / "RESULTS.md").read_text()
    said = run.estimate(["sew", "sew in bfloat16", "trials-sew in bfloat16"], {"gpu-y": found}, one_core=False)
    assert said == "last time this took 3 minutes; nothing is known of trials-sew in bfloat16"


def test_every_plot_of_the_page_is_there():
    for one in record.read_all().values():
        for axis in one.get("growth", {}).get("axes", {}).values():
            assert (record.FOLDER / axis["plot"]).is_file()


def test_the_estimate_is_what_it_took_and_names_what_is_unknown():
    records = {"cpu-2-cores": {"cases": {"sew": case(ours=1.0)}}, "cpu-one-core": {"cases": {"matmul": case(ours=1.0)}}}
    said = run.estimate(["sew", "matmul"], records, one_core=False)
    assert said == "last time this took 2 minutes; nothing is known of matmul"
    assert run.estimate(["sew"], {}, one_core=False).endswith("nothing is known of sew")


def test_ours_is_always_among_the_sides():
    assert run.among(["pytorch"], ["ours", "pytorch-fused"], ["ours", "pytorch", "pytorch-fused"]) == [
        "ours",
        "pytorch",
    ]
    assert run.among([], ["ours", "pytorch-fused"], ["ours"]) == ["ours", "pytorch-fused"]
