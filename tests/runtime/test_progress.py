"""What a person sees while a run trains, on a terminal and in a log."""

import io

import pytest
from rich.console import Console

from affect_jax.runtime import progress


@pytest.fixture
def display(monkeypatch):
    """A display of a terminal, or of a log, and what it has written."""

    def open_display(*, terminal):
        written = io.StringIO()
        monkeypatch.setattr(
            progress, "Console", lambda **_: Console(file=written, force_terminal=terminal, width=120, quiet=False)
        )
        return progress.Display(), written

    return open_display


def test_a_log_says_when_it_compiles_and_of_what_the_best_score_is(display):
    shown, written = display(terminal=False)
    with shown:
        shown.begin("intra fit")
        shown.epoch("intra fit", 1, 20, live=4, of=4, metric="uar", best=0.523)
        shown.epoch("intra fit", 7, 20, live=0, of=4, metric="uar", best=0.61)
        shown.epoch("next fit", 1, 20, live=1, of=1, metric="rmse", best=1.25)
        shown.epoch("third fit", 1, 20, live=1, of=1, metric="ccc", best=float("-inf"))
    lines = written.getvalue().splitlines()
    assert lines[0] == "intra fit: compiling"
    assert lines[1].startswith("intra fit: epoch 1/20  4/4 trials live  best validation UAR 52.3 %")
    assert "best validation UAR 61.0 %" in lines[2]
    assert "best validation RMSE 1.250" in lines[3]
    assert "no validation score yet" in lines[4]


def test_every_bar_ends_at_its_end(display):
    shown, written = display(terminal=True)
    with shown:
        shown.begin("intra fit")
        assert shown._bar.tasks[0].fields["state"] == "compiling"
        shown.epoch("intra fit", 3, 20, live=2, of=4, metric="uar", best=0.5)
        assert not shown._bar.tasks[0].finished
        shown.epoch("intra fit", 7, 20, live=0, of=4, metric="uar", best=0.6)
        assert shown._bar.tasks[0].finished
        shown.epoch("cross fit", 1, 20, live=2, of=4, metric="uar", best=0.5)
        assert [task.description for task in shown._bar.tasks] == ["cross fit"]
    work = progress.Work()
    with work:
        work.progress("checking files", 100, 130)
    assert work._bar.tasks[0].finished
    assert "compiling" in written.getvalue()
