"""The order of the rooms (docs: imports go one way), held by reading the source, not by importing it."""

import ast
import functools
import json
import pathlib
from collections.abc import Iterator

import pytest

# From the bottom up: a room may import itself, its neighbours on the same line and what stands above it in this list.
FLOORS = (
    {"errors", "types"},
    {"runtime"},
    {"features"},
    {"losses", "metrics"},
    {"layers"},
    {"encoders"},
    {"models"},
    {"extraction"},
    {"datasets"},
    {"config"},
    {"data"},
    {"training"},
    {"experiment"},
    {"convert"},
    {"inference"},
    {"evaluation", "baselines"},
    {"reports"},
    {"launch"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# Reports must work where nothing is trained.
NEVER = {("reports", "training")}

PRODUCT = ("affect_jax", "launch", "configs", "colabs")
EVERYTHING = (*PRODUCT, "benchmarks", "tests")
HEAVY = {"tensorflow", "torch"}
# Reading these formats can run code of whoever wrote the file.
UNSAFE_MODULES = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
WRITERS = {"pickle.dump"}
"""Of these modules, what only writes."""
UNSAFE_CALLS = {"yaml.load", "joblib.load", "eval", "exec"}
LONGEST = 450
LONGEST_FUNCTION = 60
# A config is read once: no other room sees ml_collections.
READS_CONFIGS = ("affect_jax/config/", "launch/", "configs/")
# What the project is built on (README); each is used for what it is for.
PACKAGES = ("jax", "flax", "optax", "orbax", "numpy", "tensorflow_datasets", "ml_collections", "sklearn", "clu")


@functools.cache
def list_nodes(tree: ast.AST) -> list[ast.AST]:
    """The nodes of a file that are looked at, wherever in it; kept, as a dozen tests look at each file."""
    looked_at = ast.Import | ast.ImportFrom | ast.Call | ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(tree) if isinstance(node, looked_at)]


@functools.cache
def parse(path: pathlib.Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", autouse=True)
def _forget():
    yield
    list_nodes.cache_clear()
    parse.cache_clear()


def imported(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Every module that a file imports, wherever in it; `package` is the one the file is in, for relative imports."""
    for node in list_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            base = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("import_module") and node.args:
            name = node.args[0].values[0] if isinstance(node.args[0], ast.JoinedStr) else node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an expression made of names and dots, else ''."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def room(module: str) -> str | None:
    """The room of a module of ours: 'affect_jax.losses.alignment' -> 'losses'; None for anybody else's."""
    parts = module.split(".")
    if parts[0] == "affect_jax":
        return parts[1] if len(parts) > 1 and parts[1] else ""
    return parts[0] if parts[0] == "launch" else None


def wrong_imports(module: str, tree: ast.AST, package: str) -> list[str]:
    """What a module imports from a room above it."""
    here = room(module)
    found = []
    for target in imported(tree, package):
        there = room(target)
        if there is None or there == here:
            continue
        if there == "" or FLOOR.get(there, len(FLOORS)) > FLOOR.get(here, -1) or (here, there) in NEVER:
            found.append(f"{module} imports {target}")
    return found


def unsafe(tree: ast.AST) -> list[str]:
    """Loading that can run foreign code."""
    found = [name for name in imported(tree) if name.split(".")[0] in UNSAFE_MODULES and name not in WRITERS]
    for node in list_nodes(tree):
        if isinstance(node, ast.Call):
            if dotted(node.func) in UNSAFE_CALLS:
                found.append(f"{dotted(node.func)}(")
            for keyword in node.keywords:
                allowed = isinstance(keyword.value, ast.Constant) and not keyword.value.value
                if keyword.arg == "allow_pickle" and not allowed:
                    found.append("allow_pickle")
    return found


def python_files(root: pathlib.Path, folders: tuple[str, ...]) -> list[pathlib.Path]:
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


def sources(root: pathlib.Path, folders: tuple[str, ...]) -> Iterator[tuple[str, ast.AST]]:
    """(path, syntax tree) of every python file and of the code cells of every notebook."""
    for path in python_files(root, folders):
        yield str(path.relative_to(root)), parse(path)
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        lines = [line for cell in cells if cell["cell_type"] == "code" for line in "".join(cell["source"]).splitlines()]
        code = "\n".join("pass" if line.lstrip().startswith(("%", "!")) else line for line in lines)
        yield str(path.relative_to(root)), ast.parse(code)


def module_and_package(path: str) -> tuple[str, str]:
    parts = path.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        return ".".join(parts[:-1]), ".".join(parts[:-1])
    return ".".join(parts), ".".join(parts[:-1])


def test_every_room_has_its_floor(repo_root):
    modules = (module_and_package(path)[0] for path, _ in sources(repo_root, ("affect_jax",)))
    unknown = {room(module) for module in modules} - FLOOR.keys() - {""}
    assert not unknown, f"give {unknown} a place in FLOORS"


def test_imports_go_one_way(repo_root):
    found = []
    for path, tree in sources(repo_root, ("affect_jax", "launch")):
        module, package = module_and_package(path)
        if module == "affect_jax":
            assert not [name for name in imported(tree, package) if room(name) is not None], "the root imports no room"
        else:
            found += wrong_imports(module, tree, package)
    assert not found


def test_only_those_who_read_configs_import_ml_collections(repo_root):
    found = [
        path
        for path, tree in sources(repo_root, ("affect_jax", "launch", "configs"))
        for name in imported(tree)
        if name.split(".")[0] == "ml_collections" and not path.startswith(READS_CONFIGS)
    ]
    assert not found


def test_no_module_is_loose(repo_root):
    loose = {path.name for path in (repo_root / "affect_jax").glob("*.py")} - {"__init__.py"}
    assert loose == {"errors.py", "types.py"}


def reexports_only(tree: ast.Module) -> bool:
    """Whether a module has nothing but a docstring, imports, `__all__` and names for what it imports."""
    return all(
        isinstance(node, ast.Expr | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign) for node in tree.body
    )


def test_packages_only_reexport(repo_root):
    inits = {path: tree for path, tree in sources(repo_root, ("affect_jax",)) if path.endswith("__init__.py")}
    assert not [path for path, tree in inits.items() if not reexports_only(tree)]


def test_functions_stay_short(repo_root):
    found = {}
    for path, tree in sources(repo_root, ("affect_jax", "launch", "configs")):
        for node in list_nodes(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    found[f"{path}:{node.lineno} {node.name}"] = length
    assert not found


def test_calls_have_few_positional_arguments(repo_root):
    found = [
        f"{path}:{node.lineno} {ast.unparse(node.func)}"
        for path, tree in sources(repo_root, ("affect_jax", "launch", "configs"))
        for node in list_nodes(tree)
        if isinstance(node, ast.Call) and sum(not isinstance(value, ast.Starred) for value in node.args) > 6
    ]
    assert not found


def test_every_package_of_the_project_is_used(repo_root):
    used = {name.split(".")[0] for _, tree in sources(repo_root, ("affect_jax", "launch")) for name in imported(tree)}
    assert not set(PACKAGES) - used


def test_no_tensorflow_no_pytorch(repo_root):
    found = [
        f"{path} imports {name}"
        for path, tree in sources(repo_root, PRODUCT)
        for name in imported(tree)
        if name.split(".")[0] in HEAVY
    ]
    assert not found


def test_no_loading_that_runs_foreign_code(repo_root):
    assert not [f"{path}: {what}" for path, tree in sources(repo_root, PRODUCT) for what in unsafe(tree)]


def test_files_stay_short(repo_root):
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(repo_root, EVERYTHING)}
    assert not {str(path): lines for path, lines in lengths.items() if lines > LONGEST}


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("affect_jax.losses.regression", "from affect_jax.types import Batch", False),
        ("affect_jax.losses.regression", "from affect_jax.metrics.regression import ccc", False),
        ("affect_jax.losses.regression", "from affect_jax import models", True),
        ("affect_jax.losses.regression", "from ..models import sew", True),
        ("affect_jax.losses.regression", "from . import alignment", False),
        ("affect_jax.models.sew", "def f():\n    import affect_jax.training.loop as s", True),
        ("affect_jax.models.sew", "import affect_jax", True),
        ("affect_jax.reports.tables", "from affect_jax.training import study", True),
        ("affect_jax.reports.tables", "from affect_jax.runtime.run_folder import read", False),
        ("affect_jax.training.loop", "from affect_jax.reports import tables", True),
        ("affect_jax.experiment.run", "import importlib\nimportlib.import_module(f'affect_jax.models.{name}')", False),
        ("affect_jax.losses.regression", "import importlib\nimportlib.import_module(f'affect_jax.models.{n}')", True),
        ("affect_jax.experiment.run", "from launch.main import main", True),
        ("launch.report", "from affect_jax.experiment.run import run", False),
    ],
)
def test_a_wrong_import_is_seen(module, source, wrong):
    assert bool(wrong_imports(module, ast.parse(source), module.rpartition(".")[0])) is wrong


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("np.load(path, allow_pickle=True)", True),
        ("np.load(path, allow_pickle=flag)", True),
        ("np.load(path, allow_pickle=False)", False),
        ("from pickle import loads", True),
        ("from pickle import dump, load", True),
        ("from pickle import dump", False),
        ("yaml.load(text)", True),
        ("yaml.safe_load(text)", False),
        ("eval(text)", True),
        ("model.eval()", False),
        ("ast.literal_eval(text)", False),
    ],
)
def test_unsafe_loading_is_seen(source, wrong):
    assert bool(unsafe(ast.parse(source))) is wrong
