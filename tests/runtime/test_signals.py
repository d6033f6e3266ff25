"""Signals as a question: the first is noted and the second ends the process, whatever the main thread is at."""

import os
import signal
import subprocess
import sys
import time

import pytest

from affect_jax.runtime import signals


def test_the_first_signal_is_noted_and_handlers_come_back(capsys):
    before = [signal.getsignal(number) for number in signals.SIGNALS]
    with signals.watch_signals("wait") as request:
        assert not request()
        os.kill(os.getpid(), signal.SIGTERM)
        deadline = time.monotonic() + 10
        while not request() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert request()
        assert request.signal == signal.SIGTERM
    assert "SIGTERM: wait" in capsys.readouterr().err
    assert [signal.getsignal(number) for number in signals.SIGNALS] == before


@pytest.mark.parametrize("second", signals.SIGNALS)
def test_the_second_ends_the_process_even_in_the_middle_of_foreign_code(repo_root, second):
    # One long call without a bytecode in between, as a compiled epoch is; hashing leaves the interpreter's lock alone.
    program = """
import hashlib
from affect_jax.runtime import signals
with signals.watch_signals("noted"):
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=repo_root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == "SIGINT: noted\n"
        process.send_signal(second)
        assert process.wait(timeout=10) == 128 + second
