"""What was measured -> tables in markdown."""

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.cases import OURS, SIDES
from benchmarks.studies import STUDIES, table_4_1

Cases = dict[str, dict[str, Any]]


def seconds(value: float) -> str:
    """With a unit that fits."""
    return f"{value * 1e3:,.1f} ms" if value < 1 else f"{value:,.2f} s"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A markdown table, the first column to the left and the others to the right, and an empty line."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def ratio(case: dict[str, Any], side: str) -> float:
    """How many times as long as ours of the same run this side takes."""
    one = case["sides"][side]
    return one["median"] / one.get("against", case["sides"][OURS]["median"])


def fastest(case: dict[str, Any]) -> str | None:
    """The fastest of the other sides; None where there is none."""
    others = [side for side in case["sides"] if side != OURS]
    return min(others, key=lambda side: ratio(case, side)) if others else None


def share(case: dict[str, Any], times: float = 1.0) -> str:
    """Ours' operations in products a second, of the machine's own rate in the same run; in so many times ours' time."""
    return f"{100 * part:.0f} %" if (part := _share(case, times)) else ""


def _share(case: dict[str, Any], times: float = 1.0) -> float:
    """0 where products or the rate are not known."""
    if not case.get("products") or not case.get("rate"):
        return 0.0
    return case["products"] / (times * case["sides"][OURS]["median"]) / case["rate"]


def _work(case: dict[str, Any]) -> list[str]:
    """The operations in products, and the share of the machine's rate."""
    return [f"{case['products'] / 1e9:,.2f} GFLOP" if case.get("products") else "", share(case)]


def _against_fastest(case: dict[str, Any]) -> list[str]:
    """Ours, the fastest other side, which it is, how many times ours."""
    side = fastest(case)
    rest = [seconds(case["sides"][side]["median"]), SIDES[side], f"{ratio(case, side):.2f}"] if side else [""] * 3
    return [seconds(case["sides"][OURS]["median"]), *rest]


def steps(found: Cases) -> list[str]:
    """Single steps: ours, the fastest of PyTorch's ways, and the share of the machine's rate of products."""
    heads = ["one step", "ours", "PyTorch", "its fastest way", "PyTorch / ours", "products", "share of the rate"]
    return table(heads, ([case["title"], *_against_fastest(case), *_work(case)] for case in found.values()))


def ways(found: Cases) -> list[str]:
    """Every way of PyTorch's that was tried, and how many times ours it is."""
    others = [side for side in SIDES if side != OURS and any(side in case["sides"] for case in found.values())]
    rows = []
    for case in found.values():
        tried = [side in case["sides"] for side in others]
        if sum(tried) > 1:
            cells = [
                f"{seconds(case['sides'][side]['median'])} ({ratio(case, side):.2f})" if there else ""
                for side, there in zip(others, tried, strict=True)
            ]
            rows.append([case["title"], *cells])
    return table(["time (and how many times ours)", *(SIDES[side] for side in others)], rows) if rows else []


def studies(found: Cases) -> list[str]:
    """Whole studies, and a trial's step against a single run's."""
    heads = ["a study", "ours", "PyTorch, a process a core", "optimizer", "PyTorch / ours", "products of its updates"]
    rows = ([case["title"], *_against_fastest(case), *_work(case)] for case in found.values())
    lines = table([*heads, "share of the rate"], rows)
    for case in found.values():
        if "single" in case:
            trial, single = case["sides"][OURS]["median"], case["single"]["median"]
            lines += [
                f"{case['title']}: {seconds(trial)}. A step of one run alone on all cores, in turns with it: "
                f"{seconds(single)}. A trial takes {trial / single:.2f} of it.",
                "",
            ]
            others = case["single"].get("others")
            if others:
                side = min(others, key=lambda side: others[side])
                lines += [
                    f"PyTorch's step of one run alone there, the fastest of its ways ({SIDES[side]}): "
                    f"{seconds(others[side])}, {others[side] / trial:.1f} times a trial's step.",
                    "",
                ]
    if "epochs" in found.get("trials-fusion-50", {}).get("sides", {}).get(OURS, {}):
        lines += [table_4_1(found["trials-fusion-50"]["sides"][OURS]["median"]), ""]
    return lines


def compiling(found: Cases) -> list[str]:
    """What a first block takes beyond a second one: tracing, compiling, and an accelerator's own start."""
    timed = {name: case for name, case in found.items() if "compile" in case["sides"][OURS]}
    sides = [side for side in SIDES if any("compile" in case["sides"].get(side, {}) for case in timed.values())]
    rows = []
    for case in timed.values():
        each = [case["sides"].get(side, {}) for side in sides]
        rows.append([case["title"], *(f"{one['compile']:.1f} s" if "compile" in one else "" for one in each)])
    return table(["the first block less the second", *(SIDES[side] for side in sides)], rows) if rows else []


def lowered(found: Cases, float32: Cases) -> list[str]:
    """What was timed in bfloat16, held against float32 of either side."""
    heads = ["in bfloat16", "ours", "float32 / bfloat16", "PyTorch", "its fastest way", "PyTorch / ours"]
    rows = []
    for name, case in found.items():
        before = float32[name]["sides"][OURS]["median"] / case["sides"][OURS]["median"] if name in float32 else None
        ours, *rest = _against_fastest(case)
        rows.append([case["title"], ours, f"{before:.2f}" if before else "", *rest, share(case)])
    return table([*heads, "share of the rate"], rows) if rows else []


def memory(found: Cases) -> list[str]:
    """Peak memory, and the time from the start of the process to the end of its first block."""
    heads = ["", "peak memory: ours", "PyTorch", "first block after: ours", "PyTorch"]
    rows = []
    for case in found.values():
        both = [case["sides"][side] for side in (OURS, fastest(case)) if side]
        cells = [f"{one['peak'] / 1e9:.2f} GB" for one in both] + [f"{one['first']:.1f} s" for one in both]
        rows.append([case["title"], *(cells if len(both) == 2 else [cells[0], "", cells[1], ""])])
    return table(heads, rows)


def products(case: dict[str, Any], precision: str = "float32") -> list[str]:
    """The rate that shares are taken of."""
    rates = {side: case["products"] / one["median"] / 1e9 for side, one in case["sides"].items()}
    said = ", ".join(f"{rates[side]:,.0f} GFLOP/s by {name}" for side, name in ((OURS, "jax"), ("pytorch", "PyTorch")))
    return [f"The product of two large square matrices of {precision}: {said}. A share is one of the faster.", ""]


def aims(found: Cases) -> list[str]:
    """Which cases take at most half of the time of PyTorch's fastest way; which are bound by products and no slower.

    Bound by products is what takes less than twice the time that its products alone would. Beside what takes more
    than half stands what share of the machine's rate half of PyTorch's time would be.
    """
    half, bound, neither = [], [], []
    for case in found.values():
        side = fastest(case)
        if side:
            times = ratio(case, side)
            at_half = share(case, times / 2)
            wanted = f"; half would be {at_half} of the rate" if times < 2 and at_half else ""
            is_bound = times >= 1 and _share(case) >= 0.5
            (half if times >= 2 else bound if is_bound else neither).append(f"{case['title']} ({times:.2f}{wanted})")
    groups = {
        "At most half of PyTorch's time": half,
        "More than half, bound by products (half of their rate or more) and not slower": bound,
        "The aim is missed": neither,
    }
    return [line for name, titles in groups.items() if titles for line in (f"{name}: {'; '.join(titles)}.", "")]


def cases(found: Cases) -> list[str]:
    """Everything that was timed against PyTorch."""
    single = {name: case for name, case in found.items() if name not in STUDIES and name != "matmul"}
    many = {name: case for name, case in found.items() if name in STUDIES}
    lines = products(found["matmul"]) if "matmul" in found else []
    for title, what, made in (
        ("Steps", single, steps),
        ("PyTorch's ways", single, ways),
        ("Studies", many, studies),
        ("Memory and start", {**single, **many}, memory),
        ("Compiling", single, compiling),
        ("Against the aims", {**single, **many}, aims),
    ):
        body = made(what) if what else []
        lines += [f"### {title}", "", *body] if body else []
    return lines


def bfloat16(found: Cases, float32: Cases) -> list[str]:
    """Everything that was timed in bfloat16."""
    if not found:
        return []
    timed = {name: case for name, case in found.items() if name != "matmul"}
    many = {name: case for name, case in timed.items() if name in STUDIES}
    lines = ["### In bfloat16", "", "Losses, statistics, parameters and the optimizer's state are float32.", ""]
    lines += products(found["matmul"], "bfloat16") if "matmul" in found else []
    lines += lowered(timed, float32)
    return [*lines, *(studies(many) if many else []), *(memory(timed) if timed else []), *compiling(timed)]


def startup(measured: dict[str, Any]) -> list[str]:
    """Start-up of the training program."""
    heads = ["`python -m launch.main --config=`", "nothing cached", "programs cached"]
    rows = (
        [f"`{command}`", seconds(one["cold"]), ", ".join(seconds(x) for x in one["warm"])]
        for command, one in measured["configs"].items()
    )
    return ["### Start-up to the end of the first epoch", "", *table(heads, rows)]


def growth(measured: dict[str, Any]) -> list[str]:
    """Laws and plots."""
    lines = ["### Growth", ""]
    for one in measured["axes"].values():
        points = list(zip(one["sizes"], one["seconds"], one["bytes"], strict=True))
        heads = [one["unit"], *(f"{size:g}" for size, _, _ in points)]
        rows = [["time", *(seconds(s) for _, s, _ in points)], ["memory", *(f"{b / 1e9:.3f} GB" for _, _, b in points)]]
        lines += [f"{one['title']}. {' '.join(one['laws'])}", "", *table(heads, rows), f"![]({one['plot']})", ""]
    return lines


def sources(record: dict[str, Any], file: str) -> list[str]:
    """The commands and dates behind a machine's tables, the versions, and the file with every single time."""
    kept: dict[tuple[str, str], None] = {}
    loads, versions = [], {}
    for case in [*record.get("cases", {}).values(), *record.get("bfloat16", {}).values()]:
        loads.append(case["load"])
        for side in case["sides"].values():
            versions |= {name: side["versions"][name] for name in ("jax", "torch") if name in side["versions"]}
            kept[side.get("date", "before dates were kept"), side.get("command", "python -m benchmarks.run")] = None
    for part in ("startup", "growth"):
        if part in record:
            kept[record[part]["date"], record[part]["command"]] = None
    commands = [f"- `{command}` ({date})" for date, command in sorted(kept)]
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    precisions = "float32 and bfloat16" if record.get("bfloat16") else "float32"
    load = f"Load average before: at most {max(loads):.1f}. " if loads else ""
    return [
        "### Commands",
        "",
        f"{said}; {precisions}. {load}Medians; every single time stands in [{file}]({file}).",
        "",
        *commands,
        "",
    ]


def page(record: dict[str, Any], file: str) -> list[str]:
    """All of one machine."""
    lines = cases(record["cases"]) if record.get("cases") else []
    lines += bfloat16(record.get("bfloat16", {}), record.get("cases", {}))
    lines += startup(record["startup"]) if "startup" in record else []
    lines += growth(record["growth"]) if "growth" in record else []
    return [*lines, *sources(record, file)]
