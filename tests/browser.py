"""Debian's Chromium without a screen, driven over the pipe of its DevTools protocol: no driver, no socket."""

import base64
import itertools
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time

import pytest

BINARY = "/usr/bin/chromium"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--mute-audio",
    "--remote-debugging-pipe",
)
# Chromium reads commands from descriptor 3 and writes to 4. An exec'd step of its own puts the pipes there, since
# code between fork and exec of the tests' many-threaded process is not safe.
_PLUMB = """
import os, sys
ends = [os.dup(int(end)) for end in sys.argv[1:3]]
while min(ends) < 5:
    ends = [os.dup(end) for end in ends]
os.dup2(ends[0], 3), os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
KEYS = {
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "Home": 36,
    "End": 35,
    "Enter": 13,
    "Tab": 9,
    " ": 32,
}


def need() -> None:
    """Skips the test where there is no Chromium."""
    if not os.path.exists(BINARY):
        pytest.skip(f"no {BINARY}; on Debian: apt install chromium")


class Page:
    """One page in one browser; a context manager."""

    def __init__(self, folder: pathlib.Path, *, width: int = 1280, height: int = 900, dark: bool = False):
        self.size = width, height
        self.dark = dark
        self.folder = folder
        self.events: list[dict] = []

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        theirs_in, self.out = os.pipe()
        self.into, theirs_out = os.pipe()
        window = f"--window-size={self.size[0]},{self.size[1]}"
        command = [BINARY, *FLAGS, window, f"--user-data-dir={self.folder}", "about:blank"]
        self.process = subprocess.Popen(
            [sys.executable, "-ISc", _PLUMB, str(theirs_in), str(theirs_out), *command],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs_in), os.close(theirs_out)
        self.buffer, self.numbers, self.session = b"", itertools.count(1), None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        if self.dark:
            scheme = [{"name": "prefers-color-scheme", "value": "dark"}]
            self.call("Emulation.setEmulatedMedia", features=scheme)
        return self

    def __exit__(self, *_):
        for end in (self.out, self.into):
            os.close(end)  # Chromium ends when its pipe does
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()

    def call(self, method: str, **params):
        """One command and its result; events that come meanwhile are kept."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data) :]
        while True:
            answer = self._message()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _message(self) -> dict:
        deadline = time.monotonic() + 60
        while b"\0" not in self.buffer:
            if not select.select([self.into], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise TimeoutError("Chromium does not answer")
            piece = os.read(self.into, 1 << 20)
            if not piece:
                raise RuntimeError(f"Chromium ended with status {self.process.wait(10)}")
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(line)

    def open(self, path: pathlib.Path):
        """Loads a file and waits until it has run."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def js(self, expression: str):
        """The value of a JavaScript expression, which must be JSON; promises are awaited."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=False
        )
        if "exceptionDetails" in found:
            raise RuntimeError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 20):
        """Until the expression is true."""
        deadline = time.monotonic() + seconds
        while not self.js(expression):
            if time.monotonic() > deadline:
                raise TimeoutError(f"never true: {expression}")
            time.sleep(0.03)

    def click(self, selector: str, across: float = 0.5, down: float = 0.5):
        """A real press and release of the left button on an element."""
        box = self.js(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); "
            "e.scrollIntoView({block: 'nearest'}); const b = e.getBoundingClientRect(); "
            "return [b.x, b.y, b.width, b.height]; })()"
        )
        where = dict(x=box[0] + across * box[2], y=box[1] + down * box[3], button="left", clickCount=1)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **where)

    def press(self, key: str):
        """A real key, to whatever has the focus."""
        code = KEYS.get(key, ord(key[0].upper()))
        text = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
        common = dict(key=key, windowsVirtualKeyCode=code, nativeVirtualKeyCode=code)
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str):
        """Text into the focused field."""
        self.call("Input.insertText", text=text)

    def named(self, method: str) -> list[dict]:
        """Events of one kind so far."""
        self.js("0")
        return [event["params"] for event in self.events if event.get("method") == method]

    def screenshot(self, path: pathlib.Path, *, height: int = 0):
        """The whole page as PNG, or its upper part."""
        part = {"clip": dict(x=0, y=0, width=self.size[0], height=height, scale=1)} if height else {}
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, **part)
        path.write_bytes(base64.b64decode(found["data"]))
