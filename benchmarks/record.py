"""What was measured, kept: results/<device>.json by part, and RESULTS.md, which is written from these files alone."""

import json
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.cases import BY_NAME, OURS
from benchmarks.machine import Machine
from benchmarks.studies import STUDIES

FOLDER = Path(__file__).parent
TIMED = {"float32": "cases", "bfloat16": "bfloat16"}
"""Precision -> the part of a record that keeps what was timed in it."""
PARTS = (*TIMED.values(), "startup", "growth")
HEAD = """# Speed: what was measured

Written by `make bench` from [results/](results) and by nothing else. How it is measured and how to read it:
[docs/benchmarks.md](../docs/benchmarks.md).
"""


def read_all(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """File stem -> record of every machine, CPUs with all their cores first."""
    files = sorted((folder / "results").glob("*.json"), key=lambda f: (f.stem == "cpu-one-core", f.stem))
    return {f.stem: json.loads(f.read_text(encoding="utf-8")) for f in files}


def everything(record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What `in_words` calls it -> what is kept of it."""
    others = {part: record[part] for part in ("startup", "growth") if part in record}
    lowered = {in_words(name, "bfloat16"): case for name, case in record.get("bfloat16", {}).items()}
    return {**record.get("cases", {}), **lowered, **others}


def in_words(name: str, precision: str) -> str:
    """A case's name with what it is timed in."""
    return name if precision == "float32" else f"{name} in {precision}"


def put(where: Machine, part: str, values: dict[str, Any], folder: Path = FOLDER) -> None:
    """Writes these values over what the machine's file has of them, and the page anew.

    Args:
      where: the machine.
      part: one of `PARTS`. Of those of TIMED, sides that `values` lacks keep what they had; the rest of the file stays.
      values: what was measured.
      folder: where results/ and RESULTS.md are.
    """
    file = folder / "results" / f"{where.file}.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept["machine"] = where.device
    if part in TIMED.values():
        before = kept.get(part, {})
        merged = {**before, **{name: with_other_sides(case, before.get(name)) for name, case in values.items()}}
        kept[part] = {name: merged[name] for name in [*BY_NAME, *STUDIES] if name in merged}
    else:
        kept[part] = values
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    write_page(folder)


def with_other_sides(case: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """The case with those sides that only an earlier run has, each held against ours of that run."""
    if before is None or before["title"] != case["title"]:
        return case
    sides = {side: {"against": before["sides"][OURS]["median"], **values} for side, values in before["sides"].items()}
    return {**before, **case, "sides": {**sides, **case["sides"]}}


def write_page(folder: Path = FOLDER) -> None:
    """RESULTS.md from all files."""
    lines = [HEAD]
    for file, record in read_all(folder).items():
        lines += [f"## {record['machine'][0].upper()}{record['machine'][1:]}", ""]
        lines += tables.page(record, f"results/{file}.json")
    (folder / "RESULTS.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_page()
