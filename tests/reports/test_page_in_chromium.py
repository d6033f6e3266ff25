import pytest

from affect_jax.reports import render, report_files
from tests import browser

HOSTILE = "</script><script>window.harm = 1</script><img src=x onerror='window.harm=1'>"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser.need()
    with browser.Page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def show(chromium, tmp_path):
    """Opens the report of run folders; afterwards nothing may have gone wrong in it or left it."""

    def call(*folders, **asked):
        [path] = [
            p
            for p in render.write_files(
                report_files.render_runs(folders, "x", report_files.Asked(**asked)), tmp_path / "out"
            )
            if p.suffix == ".html"
        ]
        chromium.open(path)
        return chromium

    chromium.events.clear()
    yield call
    for kind in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
        assert not chromium.named(kind)
    asked = [event["request"]["url"] for event in chromium.named("Network.requestWillBeSent")]
    assert asked
    assert not [url for url in asked if not url.startswith(("file:", "data:image/"))]


ALL = "#scores details"
"""The table with all scores, which is folded."""


def column(opened, number):
    cells = f"[...document.querySelectorAll('{ALL} tbody tr')].map(row => row.cells[{number}].textContent)"
    return opened.js(cells)


def test_a_click_on_a_head_sorts(show, make_fusion_run):
    error = {"one": 0.5, "two": 0.1, "three": 0.9}
    opened = show(make_fusion_run("configs/fusion.py:trimodal", error), metric="accuracy")
    opened.js(f"document.querySelector('{ALL}').open = true")
    names = opened.js(f"[...document.querySelectorAll('{ALL} tr.names th')].map(head => head.textContent)")
    at = names.index("accuracy %")
    for expected, state in ((True, "descending"), (False, "ascending")):
        opened.click(f"{ALL} tr.names th:nth-child({at + 1}) button")
        values = [float(cell.split()[0]) for cell in column(opened, at)]
        assert values == sorted(values, reverse=expected)
        assert opened.js(f"document.querySelectorAll('{ALL} tr.names th')[{at}].ariaSort") == state
    at = names.index("difference")
    opened.click(f"{ALL} tr.names th:nth-child({at + 1}) button")
    differences = [float(cell.split()[0].replace("−", "-")) for cell in column(opened, at)[:3]]
    assert differences == sorted(differences, reverse=True), "the reference is 0, a minus counts"
    opened.js(f"document.querySelectorAll('{ALL} tr.names button')[1].focus()")
    opened.press("Enter")
    assert column(opened, 1) == sorted(column(opened, 1), reverse=True), "names sort as text, by keyboard too"
    at = names.index("p, Holm")
    opened.click(f"{ALL} tr.names th:nth-child({at + 1}) button")
    assert column(opened, at)[2:] == [""] * 12, "what is not there, as of ensembles, comes last"


def test_hostile_names_are_seen_and_do_nothing(show, make_fusion_run, add_epochs):
    folder = make_fusion_run("configs/fusion.py:trimodal", {HOSTILE: 0.3, "cross": 0.2}, synthetic=True)
    add_epochs(folder, HOSTILE, {HOSTILE: (5, 5)})
    opened = show(folder)
    assert opened.js("window.harm === undefined")
    assert opened.js("[...document.images].every(image => image.src.startsWith('data:image/svg+xml'))")
    assert HOSTILE in opened.js("document.querySelector('#scores').textContent")
    assert HOSTILE in opened.js("document.querySelector('#learning img').alt")


def test_charts_are_shown(show, make_traces, add_epochs):
    folder = make_traces({"SEW": 0.3, "-CCA": 0.6})
    add_epochs(folder, "teachers", {"SEW": (6, 6, 5), "-CCA": (4, 4, 4)}, metric="ccc")
    opened = show(folder)
    opened.js("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    assert opened.js("document.images.length") == 1 + 2 + 3 * 2 + 2 + 2, "two of how far to trust it"
    assert opened.js("[...document.images].every(image => image.complete && image.naturalWidth > 100)")
    assert opened.js("document.documentElement.scrollWidth <= innerWidth"), "only tables scroll sideways"


def test_the_verdict_is_seen_on_a_usual_screen(show, make_fusion_run, make_traces):
    """The browser's window is 1,280 pixels wide."""
    pages = (
        ([make_fusion_run("configs/fusion.py:trimodal", {"intra": 0.5, "cross": 0.1})], {"metric": "accuracy"}),
        ([make_traces({"a long name of a variant of SEW": 0.3, "another long name, of an ablation": 0.6})], {}),
    )
    for folders, asked in pages:
        opened = show(*folders, **asked)
        assert opened.js("innerWidth") == 1280
        names = opened.js(
            "[...document.querySelectorAll('table.fits')[0].querySelectorAll('tr.names th')].map(h => h.textContent)"
        )
        assert names[-1] == "verdict"
        edges = opened.js(
            "[...document.querySelectorAll('table.fits tr > :last-child')].map(c => c.getBoundingClientRect().right)"
        )
        assert edges
        assert max(edges) <= 1280
        assert opened.js("document.documentElement.scrollWidth <= innerWidth")


def test_text_is_readable_in_the_dark(show, make_traces):
    opened, seen = show(make_traces({"SEW": 0.3})), {}
    for scheme in ("dark", "light"):
        opened.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        seen[scheme] = opened.js("getComputedStyle(document.querySelector('img.chart')).filter")
    assert seen["light"] == "none", "charts are drawn on white"
    assert "invert" in seen["dark"]
