"""Where predictions go: standard output, or a file that is written whole or not at all."""

import sys
from pathlib import Path
from typing import NamedTuple

from affect_jax.errors import UserError
from affect_jax.runtime.files import write_atomic


class Output(NamedTuple):
    """The form of a text and its place.

    Attributes:
      form: 'csv' or 'json'.
      path: the file; None for standard output.
    """

    form: str
    path: Path | None

    @property
    def folder(self) -> Path:
        """Where other files of the same call belong: beside the file, or the current folder."""
        return self.path.parent if self.path else Path()


def parse_output(text: str, *, what: str, forms: tuple[str, ...] = ("csv", "json")) -> Output:
    """Reads the value of --out.

    Args:
      text: the name of a form, for standard output, or of a file that ends in one.
      what: what is predicted, for messages.
      forms: those that can be written.

    Raises:
      UserError: neither a form nor such a file, or the file's folder does not exist.
    """
    if text in forms:
        return Output(text, None)
    path = Path(text)
    if path.suffix[1:] not in forms:
        endings = " or ".join(f".{form}" for form in forms)
        raise UserError(f"--out is {text!r}; for {what} give {', '.join(forms)}, or a file that ends in {endings}")
    if not path.parent.is_dir():
        raise UserError(f"--out is {text!r}, but there is no folder {path.parent}; make it, or name another file")
    return Output(path.suffix[1:], path)


def write_output(text: str, output: Output) -> None:
    """Writes `text` to its place."""
    if output.path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        # The run's own folder, which JSON names, may be called anything.
        write_atomic(output.path, text.encode(errors="backslashreplace"))
