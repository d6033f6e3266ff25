"""The notebooks as they lie in git, and run from their first cell to their last at a small size by this very Python."""

import json
import os
import re
import sys

import nbclient
import nbformat
import pytest

from affect_jax.datasets import release_files
from colabs import tidy

NOTEBOOKS = tidy.list_notebooks()
COLAB = "https://colab.research.google.com/github/"
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SCORE = re.compile(r"\d\.\d|\d %|\d%")
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read_prose(path):
    """The text of the cells that are not code."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def test_there_are_four():
    names = ["colearning_cmu_mosi", "conflictnet_explained", "encoder_answers", "fusion_missing"]
    assert [path.stem for path in NOTEBOOKS] == names


@each
def test_it_is_stripped_and_has_its_badge(path):
    text = path.read_text(encoding="utf-8")
    assert tidy.tidy_notebook(text, path.name) == text, "python -m colabs.tidy"
    notebook = json.loads(text)
    nbformat.validate(notebook)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"] is not None]


@pytest.mark.parametrize("path", [*NOTEBOOKS, tidy.FOLDER / "README.md"], ids=lambda path: path.name)
def test_links_and_badges_lead_to_files(path, repo_root):
    text = path.read_text(encoding="utf-8") if path.suffix == ".md" else read_prose(path)
    links = _LINK.findall(text)
    badges = [link for link in links if link.startswith(COLAB)]
    assert {tidy.FOLDER / link.rpartition("/")[2] for link in badges} == ({path} if path in NOTEBOOKS else {*NOTEBOOKS})
    start = f"{COLAB}{tidy.REPOSITORY}/blob/{tidy.BRANCH}/"
    assert all(link.startswith(start) and (repo_root / link.removeprefix(start)).is_file() for link in badges)
    near = [link for link in links if "://" not in link]
    assert not [link for link in near if not (path.parent / link).is_file()]


class Stopped(Exception):
    """A notebook asks for training."""


@each
def test_at_full_size_it_trains_what_its_settings_say(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # what a notebook writes before it trains
    monkeypatch.delenv("AFFECT_JAX_NOTEBOOK_SMALL", raising=False)
    experiments = []

    def stop(experiment, folder, *, config_arg):
        experiments.append(experiment)
        raise Stopped

    monkeypatch.setattr("affect_jax.experiment.run.run_experiment", stop)
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    # Devices and the cache of compiled programs are those of the tests, and no encoder hears the recordings.
    sources = [source for source in sources if "startup" not in source and "load_extractor" not in source]
    program = "\n".join(sources).replace("SYNTHETIC = False", "SYNTHETIC = True")
    program = program.replace("speech=voice:{folder}@{LAYER}", "speech=voice:mfcc")
    names = {}
    with pytest.raises(Stopped):
        exec(program, names)
    (experiment,) = experiments
    assert experiment.corpus.synthetic or (names["corpus"] / release_files.MARKER).is_file()
    document = experiment.document
    assert document["study"]["seeds"] == names.get("SEEDS", 1)
    assert {stage["epochs"] for stage in document["stages"].values()} == {names["EPOCHS"]}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """The folder that a kernel runs in, under settings by which it writes there alone and reaches no network."""
    home = tmp_path_factory.mktemp("kernel")
    folders = {name: home / name.lower() for name in ("HOME", "XDG_CONFIG_HOME", "IPYTHONDIR", "WORK")}
    folders |= {f"JUPYTER_{name}_DIR": home / f"jupyter_{name.lower()}" for name in ("DATA", "RUNTIME", "CONFIG")}
    for folder in folders.values():
        folder.mkdir()
    # A kernel of its own, as one of this name may be set up elsewhere on the machine, with another Python.
    spec = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}
    place = folders["JUPYTER_DATA_DIR"] / "kernels" / "ours"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps({**spec, "display_name": "ours"}))
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in folders.items():
            patch.setenv(name, str(folder))
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")  # without it, a warning
        yield folders["WORK"]


@pytest.fixture(scope="module")
def executed(kernel, repo_root):
    """Notebook -> its cells with their outputs, all run in one kernel, as each would import everything anew."""
    cells, first = [], {}
    for path in NOTEBOOKS:
        first[path], folder = len(cells), kernel / path.stem
        folder.mkdir()
        # Without the names of the notebook before, in a folder of its own.
        cells += [nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {folder}"), *nbformat.read(path, as_version=4).cells]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    # One virtual device: of four, three would train copies, as a notebook has few trials at this size.
    flags = re.sub(r"(device_count)=\d+", r"\1=1", os.environ["XLA_FLAGS"])
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    env = {**os.environ, **nowhere, "PYTHONPATH": str(repo_root), "PYTHONDONTWRITEBYTECODE": "1"}
    # Errors are outputs, so that each notebook is told of its own.
    how = dict(timeout=300, kernel_name="ours", resources={"metadata": {"path": str(kernel)}}, allow_errors=True)
    client = nbclient.NotebookClient(nbformat.v4.new_notebook(cells=cells), **how)
    # No program is compiled twice, so that none need be kept.
    own = {"XLA_FLAGS": flags, "AFFECT_JAX_NOTEBOOK_SMALL": "1", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    done = client.execute(env={**env, **own}).cells
    ends = [*list(first.values())[1:], len(done)]
    return {path: done[at:end] for (path, at), end in zip(first.items(), ends, strict=True)}


def list_paths(folder):
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


@each
def test_devices_are_set_up_before_jax_is_imported(path):
    """As one kernel runs them all here, only the first would notice."""
    program = "\n".join(
        "".join(cell["source"])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
    )
    begins = [program.index(line) for line in ("\nstartup.use_all_cores()", "\nstartup.cache_compilations()")]
    assert max(begins) < re.search(r"^\s*(import|from) (jax|affect_jax\.(?!runtime))", program, re.MULTILINE).start()


@pytest.mark.timeout(400)
def test_running_them_leaves_nothing_beside_them(request):
    before = list_paths(tidy.FOLDER)
    request.getfixturevalue("executed")
    assert list_paths(tidy.FOLDER) == before


@pytest.mark.timeout(400)
@each
def test_it_runs(path, executed, kernel):
    outputs = [output for cell in executed[path] if cell.cell_type == "code" for output in cell.outputs]
    assert not ["\n".join(output.traceback) for output in outputs if output.output_type == "error"]
    displayed = [output.data for output in outputs if output.output_type in ("display_data", "execute_result")]
    assert sum("image/png" in data for data in displayed) >= 2
    printed = [output.text for output in outputs if output.output_type == "stream" and output.name == "stdout"]
    tables = [data["text/markdown"] for data in displayed if "text/markdown" in data]
    lines = "".join(printed).splitlines()
    lines += [line for table in tables for line in table.splitlines() if line.startswith("| ")]
    scores = [line for line in lines if _SCORE.search(line) and not line.startswith("jax ")]
    assert scores
    assert not [line for line in scores if "synthetic" not in line]
    if path.stem == "colearning_cmu_mosi":
        assert "a synthetic corpus takes the place of CMU-MOSI" in printed[1]
    if path.stem == "conflictnet_explained":
        assert any("<audio" in data.get("text/html", "") for data in displayed)
    assert (kernel / path.stem / "runs").is_dir()
