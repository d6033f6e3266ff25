"""A worker process and the lines that pass to and fro."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Worker:
    """One side of one case; see benchmarks.worker. `folder` is the checkout whose code runs, this one by default."""

    def __init__(
        self,
        side: str,
        case: str,
        count: int,
        precision: str,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ):
        self._command = [sys.executable, "-m", "benchmarks.worker", side, case, str(count), precision]
        self._what = f"{side} {case}"
        self._folder = folder
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen | None = None

    def __str__(self) -> str:
        return self._what

    def start(self) -> None:
        """Starts the process."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
            cwd=self._folder,
        )

    def send(self, question: str) -> None:
        """Hands it a line."""
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()

    def read(self) -> dict[str, Any]:
        """Its next message; SystemExit where it died."""
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"error: {self._what} ended with status {self._process.wait()}; its output stands above")
        return json.loads(line)

    def ask(self, question: str) -> dict[str, Any]:
        """`send`, then `read`."""
        self.send(question)
        return self.read()

    def finish(self) -> dict[str, Any]:
        """Ends its input; its last message."""
        self._process.stdin.close()
        return self.read()

    def stop(self) -> None:
        """Ends the process, wherever it is."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
