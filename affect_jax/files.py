"""Files written whole or not at all, and JSON read with clear errors."""

import json
import os
from pathlib import Path
from typing import Any

from affect_jax.errors import UserError


def write_atomic(path: Path, data: bytes) -> None:
    """Writes a file so that a reader sees the old one or the new one, whatever happens in between."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """JSON with sorted keys; NaN is refused, as JSON has none."""
    write_atomic(path, (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Reads what `write_json` wrote.

    Raises:
      UserError: missing or not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} is missing; is {path.parent} a run folder made by launch.main?") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid JSON ({error}); restore it or delete the run folder") from error
