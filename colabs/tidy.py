"""What all notebooks here share, written into each of them, and nothing in them that a run has left behind.

    python -m colabs.tidy

Of every notebook: the badge is the first line, the cell that installs is the one below, and outputs, counts and what
editors write about themselves are gone. A test holds that this changes nothing in what is in git.
"""

import json
import sys
from pathlib import Path
from typing import Any

REPOSITORY = "affect-jax/affect_jax"
"""Where the project lies on GitHub: the only place that says so. Changed it? Run this program."""
BRANCH = "main"
FOLDER = Path(__file__).resolve().parent
INSTALL_ID = "install"
"""The id of the cell that installs; it stands second."""
# The version of jax is the one of requirements.txt, which says why; what else is needed comes with the package.
INSTALL = f"""\
# Where affect_jax can be imported, this does nothing. A checkout is used as it is; elsewhere, as in Colab, the package
# is installed, which takes a few minutes.
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

if importlib.util.find_spec("affect_jax") is None:
    here = Path.cwd()
    checkout = next((folder for folder in (here, here.parent) if (folder / "affect_jax").is_dir()), None)
    if checkout:
        sys.path.insert(0, str(checkout))
    else:
        jax_build = "jax[cuda12]==0.9.2" if shutil.which("nvidia-smi") else "jax==0.9.2"
        package = "affect-jax @ git+https://github.com/{REPOSITORY}@{BRANCH}"
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", jax_build, package], check=True)"""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebooks(folder: Path = FOLDER) -> list[Path]:
    """All notebooks, by name."""
    return sorted(folder.glob("*.ipynb"))


def badge(name: str) -> str:
    """The picture that opens the notebook `name` of this folder in Colab, as Markdown."""
    address = f"https://colab.research.google.com/github/{REPOSITORY}/blob/{BRANCH}/{FOLDER.name}/{name}"
    return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({address})"


def tidied(text: str, name: str) -> str:
    """The notebook `text` of the file `name` as it belongs in git.

    Raises:
      ValueError: it does not begin with a cell of text and then the one that installs.
    """
    cells = json.loads(text)["cells"]
    if len(cells) < 2 or cells[0]["cell_type"] != "markdown" or cells[1].get("id") != INSTALL_ID:
        raise ValueError(f"{name} does not begin with a cell of text and the cell {INSTALL_ID!r}")
    made = [_cell(cell) for cell in cells]
    first = "".join(made[0]["source"])
    rest = first.split("\n", 1)[1] if first.startswith("[![") else f"\n{first}"
    made[0]["source"] = _lines(f"{badge(name)}\n{rest}")
    made[1]["source"] = _lines(INSTALL)
    whole = {"cells": made, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    kept = {"cell_type": cell["cell_type"], "id": cell["id"], "metadata": {}}
    if cell["cell_type"] == "code":
        kept |= {"execution_count": None, "outputs": []}
    return {**kept, "source": _lines("".join(cell["source"]))}


def _lines(text: str) -> list[str]:
    return text.strip("\n").splitlines(keepends=True)


def main() -> None:
    """Writes every notebook of this folder anew where it is not as it should be."""
    for path in notebooks():
        before = path.read_text(encoding="utf-8")
        after = tidied(before, path.name)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
