"""Many methods ranked, with tests against the first and against chosen ones."""

import json

import pytest

from affect_jax.errors import UserError
from affect_jax.evaluation.variants import read_runs
from affect_jax.reports import league

ERRORS = {"weak": 0.45, "strong": 0.05, "late": 0.3}


@pytest.fixture
def runs(make_run):
    """Two run folders of one corpus, as a comparison in groups has them."""
    names = [(name, name) for name in ("weak", "strong")]
    folders = [
        make_run("configs/zoo.py:fusion,cmu_mosi", names, error=ERRORS, seeds=4),
        make_run("configs/zoo.py:fusion,cmu_mosi,late", [("late", "late")], error=ERRORS, seeds=4),
    ]
    steps = {"strong": {"parameters": 12345, "seconds": 0.0025}}
    (folders[0] / league.STEPS).write_text(json.dumps(steps))
    for folder in folders:
        document = json.loads((folder / "config.json").read_text())
        document["config"]["stages"]["fit"]["epochs"] = 15
        (folder / "config.json").write_text(json.dumps(document))
    return read_runs(folders)


def test_the_best_comes_first_and_all_are_tested_against_it_and_the_named_one(runs):
    table = league.make_table(runs, ["late"])
    at = {name: table.header.index(name) for name in table.header}
    named = [row for row in table.rows if row[at["", "rank"]]]
    assert [row[at["", "method"]].split(":")[-1].strip() for row in named] == ["strong", "late", "weak"]
    first, late, weak = named
    assert first[at["", "parameters"]] == "12,345"
    assert first[at["", "step, ms"]] == "2.50"
    assert late[at["", "step, ms"]] == ""
    assert first[at["against the first", "verdict"]] == ""
    assert weak[at["against the first", "verdict"]].startswith("worse")
    assert first[at["against late", "verdict"]].startswith("better")
    assert late[at["against late", "difference"]] == ""
    names, *tidy = table.tidy
    numbers = next(row for row in (dict(zip(names, line, strict=True)) for line in tidy) if row["study"] == "weak")
    assert float(numbers["the first: difference"]) < float(numbers["late: difference"]) < 0
    assert any("flatter that line" in note for note in table.notes)


def test_an_unknown_name_is_told(runs):
    with pytest.raises(UserError, match="no run has a study or variant 'lat'"):
        league.make_table(runs, ["lat"])


def test_a_control_that_studies_share_is_each_ones_own(make_run):
    errors = {"one": 0.1, "other": 0.4, "alone": 0.3, "control": 0.3}
    studies = [("one", "one"), ("one", "control"), ("other", "other"), ("other", "control"), ("alone", "alone")]
    run = make_run("configs/zoo.py:colearning,cmu_mosi", studies, error=errors, seeds=4)
    table = league.make_table(read_runs([run]), ["alone", "control"])
    names, *lines = table.tidy
    at = [dict(zip(names, line, strict=True)) for line in lines]
    assert {line["variant"] for line in at} == {"one", "other", "alone"}
    gains = {line["variant"]: line["control: difference"] for line in at}
    assert float(gains["one"]) > 0 > float(gains["other"])
    assert gains["alone"] in (None, "")
    assert any(note.startswith("control: of the method's own study") for note in table.notes)
