"""What benchmarks.kill takes for half-written, and when it kills."""

import pytest

from benchmarks import kill
from benchmarks.programs import Program

KIND = kill.make_kind("training", None)


@pytest.mark.parametrize(
    ("path", "is_half"),
    [
        (".results.json.partial", True),
        ("report/.index.html.12-ab.partial", True),
        ("checkpoints/net/fit/000003.orbax-checkpoint-tmp-1/d/x", True),
        ("checkpoints/net/fit/000004/d/x", True),
        ("built/recola/incomplete.1.0.0_ABC/x", True),
        ("checkpoints/net/fit/000003/d/x", False),
        ("weights/net/000/manifest", False),
        ("results.json", False),
    ],
)
def test_what_is_half_written_is_told_by_its_name_or_its_missing_entry(tmp_path, path, is_half):
    entry = tmp_path / "checkpoints/net/fit/000003.json"
    for file in (entry, tmp_path / path):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert bool(kill.find_half_written(tmp_path)) == is_half


def test_an_aimed_kill_waits_for_something_half_written_that_was_not_there_before(tmp_path):
    (tmp_path / ".old.partial").touch()
    waits, kills = [], []

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 5:
            (tmp_path / ".new.partial").touch()
        return

    program = Program(wait, lambda: kills.append(len(waits)), 0)
    end = kill.interrupt(program, KIND, tmp_path, 0.5, is_aimed=True)
    assert (end, waits[0], kills) == ("with something half-written", 0.5, [5])
    assert kill.interrupt(program, KIND, tmp_path, 0.5, is_aimed=False) == "before the work began"
    (tmp_path / "metrics.jsonl").touch()
    assert kill.interrupt(program, KIND, tmp_path, 0.5, is_aimed=False) == "at work, with nothing half-written"


def test_a_program_that_ends_by_itself_is_not_killed(tmp_path):
    program = Program(lambda seconds: 0, lambda: pytest.fail("killed"), 0)
    assert kill.interrupt(program, KIND, tmp_path, 0.5, is_aimed=True) == 0


def test_complaints_and_leftovers_count(tmp_path):
    folder, whole = tmp_path / "export", tmp_path / "whole"
    kind = kill.make_kind("export", None)
    for place in (folder, whole):
        place.mkdir()
        (place / "description.json").write_text("{}")
    log = folder.with_suffix(".log")
    log.write_text("fine\n")
    assert kill.compare(kind, folder, whole) == ""
    (folder / "model.jax").touch()
    assert kill.compare(kind, folder, whole) == "DIFFERENT"
    (folder / ".model.jax.partial").touch()
    assert kill.compare(kind, folder, whole).startswith("LEFT BEHIND")
    log.write_text("UserWarning: Error reading persistent compilation cache entry\n")
    assert kill.compare(kind, folder, whole).startswith("COMPLAINED")
