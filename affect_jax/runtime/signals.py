"""SIGTERM and SIGINT as a question that long work asks when it can end well: has anybody asked me to stop?"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(Exception):
    """Work ended early because it was asked to; what it had done is saved."""


def never_stop() -> bool:
    """The answer where nobody can ask."""
    return False


class Request:
    """Whether a signal has come, and which.

    Attributes:
      signal: the first one, or None.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __call__(self) -> bool:
        return self.signal is not None


@contextlib.contextmanager
def watch_signals(say: str) -> Iterator[Request]:
    """Within the block the first SIGTERM or SIGINT is noted and the second ends the process at once.

    Python runs its signal handlers between two bytecodes of the main thread, which may be in XLA for minutes; so a
    thread of its own reads the signals' numbers as the system delivers them.

    Args:
      say: goes to stderr when the first signal comes.

    Yields:
      What tells whether a signal has come.
    """
    request = Request()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def watch() -> None:
        while byte := os.read(reading, 1):
            if byte[0] not in SIGNALS:
                continue
            if request.signal is not None:
                os._exit(128 + byte[0])
            request.signal = signal.Signals(byte[0])
            print(f"{request.signal.name}: {say}", file=sys.stderr, flush=True)

    watcher = threading.Thread(target=watch, daemon=True)
    before = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher.start()
    try:
        yield request
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)  # the watcher reads the end
        watcher.join()
        os.close(reading)
