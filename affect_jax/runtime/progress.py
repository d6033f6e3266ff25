"""What a person sees of long work: a bar on a terminal, plain lines elsewhere."""

import math
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from affect_jax.runtime.score_text import describe_score

QUIET_SECONDS = 10.0


class Display:
    """Shows epochs as they end. A context manager, so that the terminal is left as it was found.

    Time left assumes that no trial stops early, so it is the most there can be. Not `shown`: it says nothing.
    """

    def __init__(self, *, is_visible: bool = True) -> None:
        self._console = Console(file=sys.stderr, quiet=not is_visible)
        self._bar: Progress | None = None
        self._task: int | None = None
        self._part = ""
        self._printed = 0.0
        self._began = 0.0
        self._first = 1  # the epoch at which this process began with the part

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._console.quiet:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("epoch {task.completed:.0f}/{task.total:.0f}  {task.fields[state]}"),
                TimeElapsedColumn(),
                TextColumn("at most"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def say(self, line: str) -> None:
        """A line above the bar."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def begin(self, part: str) -> None:
        """A part is about to be compiled, which takes seconds in which no epoch ends."""
        if self._bar:
            self._show_task(part, 1, "compiling")
        else:
            self.say(f"{part}: compiling")

    def epoch(self, part: str, epoch: int, epochs: int, live: int, of: int, metric: str, best: float) -> None:
        """One epoch of `part` is over.

        Args:
          part: what is trained.
          epoch: that is over, from 1.
          epochs: at most.
          live: trials that are still trained.
          of: trials at first.
          metric: of `best`.
          best: the highest validation score of any trial so far.
        """
        score = f"best validation {describe_score(best, metric)}" if math.isfinite(best) else "no validation score yet"
        state = f"{live}/{of} trials live  {score}"
        if self._bar:
            self._show_task(part, epochs, "")
            # Where all trials stopped early, the bar ends at the last epoch.
            self._bar.update(self._task, completed=epoch, total=epochs if live else epoch, state=state)
        else:
            now = time.monotonic()
            if part != self._part:
                self._began, self._first = now, epoch
            if live == 0 or part != self._part or now - self._printed >= QUIET_SECONDS:
                left = (now - self._began) / max(epoch - self._first, 1) * (epochs - epoch)
                ahead = f"  at most {left:.0f} s left" if live and epoch > self._first else ""
                self.say(f"{part}: epoch {epoch}/{epochs}  {state}{ahead}")
                self._printed = now
        self._part = part

    def _show_task(self, part: str, epochs: int, state: str) -> None:
        """The bar of a part, in the place of the one before."""
        if self._task is None or part != self._part:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(part, total=epochs, state=state)
            self._part = part


class Work:
    """Shows pieces of work that are counted: a bar on a terminal, a line every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        left = (TextColumn("left"), TimeRemainingColumn())
        self._bar = Progress(*columns, *left, console=self._console, disable=not self._console.is_terminal)
        self._task, self._name, self._printed = None, "", time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._task is not None and kind is None:
            task = self._bar.tasks[-1]
            self._bar.update(self._task, completed=task.total)
        self._bar.stop()

    def say(self, line: str) -> None:
        """One line."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def progress(self, name: str, done: int, of: int) -> None:
        """So much of a piece of work is done."""
        if name != self._name:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task, self._name = self._bar.add_task(name), name
        self._bar.update(self._task, completed=done, total=of)
        if not self._console.is_terminal and time.monotonic() - self._printed >= QUIET_SECONDS:
            self.say(f"{name}: {done} of {of}")
            self._printed = time.monotonic()


def format_duration(seconds: float) -> str:
    """'40 s', '3 min', '2 h'."""
    if seconds < 90:
        return f"{max(round(seconds, -1), 10):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.0f} h"
