"""Writes what all notebooks here share into each of them, and removes what a run has left behind.

    python -m colabs.tidy

In every notebook, the badge is the first line and the cell that installs the package comes second; outputs, counts and
the metadata of editors are removed. A test checks that this changes nothing in what is in git.
"""

import json
import sys
from pathlib import Path
from typing import Any

REPOSITORY = "affect-jax/affect_jax"
"""Where the project is on GitHub; mkdocs.yml says it, too. Run this program after changing it."""
BRANCH = "main"
FOLDER = Path(__file__).resolve().parent
INSTALL_ID = "install"
"""Id of the cell that installs the package; it is the second one."""
# The version of jax is that of requirements.txt, which says why; everything else comes with the package.
INSTALL = f"""\
# If affect_jax can be imported, this does nothing. A checkout is used as it is; elsewhere, as in Colab, the package
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


def list_notebooks(folder: Path = FOLDER) -> list[Path]:
    """Lists all notebooks, by name."""
    return sorted(folder.glob("*.ipynb"))


def make_badge(name: str) -> str:
    """Makes the Markdown of the picture that opens the notebook `name` of this folder in Colab."""
    address = f"https://colab.research.google.com/github/{REPOSITORY}/blob/{BRANCH}/{FOLDER.name}/{name}"
    return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({address})"


def tidy_notebook(text: str, name: str) -> str:
    """Returns the notebook `text` of the file `name` as it belongs in git.

    Raises:
      ValueError: it does not begin with a cell of text and then the one that installs.
    """
    cells = json.loads(text)["cells"]
    if len(cells) < 2 or cells[0]["cell_type"] != "markdown" or cells[1].get("id") != INSTALL_ID:
        raise ValueError(f"{name} does not begin with a cell of text and the cell {INSTALL_ID!r}")
    tidied = [_tidy_cell(cell) for cell in cells]
    first = "".join(tidied[0]["source"])
    rest = first.split("\n", 1)[1] if first.startswith("[![") else f"\n{first}"
    tidied[0]["source"] = _split_lines(f"{make_badge(name)}\n{rest}")
    tidied[1]["source"] = _split_lines(INSTALL)
    whole = {"cells": tidied, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _tidy_cell(cell: dict[str, Any]) -> dict[str, Any]:
    tidied = {"cell_type": cell["cell_type"], "id": cell["id"], "metadata": {}}
    if cell["cell_type"] == "code":
        tidied |= {"execution_count": None, "outputs": []}
    return {**tidied, "source": _split_lines("".join(cell["source"]))}


def _split_lines(text: str) -> list[str]:
    return text.strip("\n").splitlines(keepends=True)


def main() -> None:
    """Writes every notebook of this folder that is not tidy."""
    for path in list_notebooks():
        before = path.read_text(encoding="utf-8")
        after = tidy_notebook(before, path.name)
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"wrote {path}", file=sys.stderr)


if __name__ == "__main__":
    main()
