"""Gains over controls, as a ranked table has them."""

import pytest

from benchmarks import gains

HEAD = "variant,metric,control: difference,control: low,control: high\n"


def test_a_method_without_a_control_has_no_line_and_a_synthetic_corpus_is_said_to_be_one(tmp_path):
    folder = tmp_path / "colearning_planted"
    folder.mkdir()
    (folder / "ranked.csv").write_text(f"{HEAD}taught,uar,0.02,-0.01,0.05\nalone,uar,,,\nmimic,uar,-0.1,-0.2,0.0\n")
    (folder / "ranked.md").write_text("**Methods on synthetic planted, ranked by test**\n")
    metric, of_methods = gains.read_gains(folder / "ranked.csv")
    assert metric == "uar"
    assert of_methods == [gains.Gain("mimic", -0.1, -0.2, 0.0), gains.Gain("taught", 0.02, -0.01, 0.05)]
    assert gains.name_panel(folder) == "colearning planted (synthetic)"
    gains.draw_gains({"planted": (metric, of_methods)}, tmp_path / "gains.png")
    assert (tmp_path / "gains.png").read_bytes().startswith(b"\x89PNG")


def test_a_table_without_controls_is_refused(tmp_path):
    path = tmp_path / "ranked.csv"
    path.write_text(f"{HEAD}alone,uar,,,\n")
    with pytest.raises(SystemExit, match="tests nothing against 'control'"):
        gains.read_gains(path)
