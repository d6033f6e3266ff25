import re

import numpy as np
import pytest

from affect_jax.evaluation import cases
from tests import browser
from tests.clips import HOSTILE, IDS, LABELS, PREDICTIONS, TARGETS, classes, page, regression


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser.need()
    with browser.Page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def show(chromium, tmp_path):
    """Opens a page; afterwards nothing may have gone wrong in it or left it."""

    def call(data):
        path = tmp_path / "page.html"
        path.write_bytes(data)
        chromium.open(path)
        return chromium

    chromium.events.clear()
    yield call
    for kind in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
        assert not chromium.named(kind)
    asked = [event["request"]["url"] for event in chromium.named("Network.requestWillBeSent")]
    assert asked
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]


def points(chromium, kind="circle.point"):
    """Numbers of the clips whose points are to be seen."""
    seen = f"[...document.querySelectorAll('{kind}')].filter(c => c.getBoundingClientRect().width > 0)"
    return set(chromium.js(f"{seen}.map(c => Number(c.dataset.clip))"))


def listed(chromium):
    return chromium.js("[...document.querySelectorAll('#rows tr td:first-child')].map(c => c.textContent)")


def now(chromium):
    return chromium.js("document.querySelector('#now').textContent")


def pixels(chromium, expression):
    """An expression over `data`, the RGBA bytes of the waveform's canvas of `width` pixels, taken from a copy."""
    return chromium.js(
        "(() => { const { width, height } = canvas;"
        "const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });"
        "copy.drawImage(canvas, 0, 0);"
        f"const data = copy.getImageData(0, 0, width, height).data; return {expression} }})()"
    )


def colours(chromium):
    """How many different colours the waveform's canvas has."""
    return pixels(chromium, "new Set(new Uint32Array(data.buffer)).size")


def test_every_clip_is_a_point_at_its_place(show):
    chromium = show(page(regression()))
    assert points(chromium) == set(range(len(IDS)))
    where = chromium.js(
        "[...document.querySelectorAll('circle.point')].map(c => [c.cx.baseVal.value, c.cy.baseVal.value])"
    )
    x, y = np.array(where).T
    for placed, value, sign in ((x, TARGETS, 1), (y, PREDICTIONS, -1)):
        slope = np.polyfit(value, placed, 1)
        np.testing.assert_allclose(np.polyval(slope, value), placed, atol=1e-3)
        assert slope[0] * sign > 0
    texts = chromium.js("[...document.querySelectorAll('#figure text')].map(t => t.textContent)")
    assert {"planted, truth × 100", "planted, prediction × 100", "−100", "100"} <= set(texts)
    assert chromium.js("document.querySelectorAll('.opposite').length") == 2
    assert points(chromium, "circle.silent") == {IDS.index("far")}


def test_the_title_and_names_are_text(show):
    chromium = show(page(regression()))
    assert chromium.js("document.title") == f"a run <b>: synthetic & {HOSTILE}"
    assert HOSTILE in listed(chromium)
    assert HOSTILE in chromium.js("document.querySelector('#facts').textContent")
    assert chromium.js("document.images.length") == 0


def test_a_click_selects_and_plays(show):
    chromium = show(page(regression()))
    blank = colours(chromium)
    chromium.click('circle[data-clip="0"]')
    assert now(chromium) == "good"
    chromium.wait("!sound.paused && sound.currentTime > 0.1")
    assert chromium.js("sound.duration") == pytest.approx(2, abs=0.05)
    assert blank == 1
    assert colours(chromium) > 5
    assert "raises" in chromium.js("weights.textContent")
    assert "R² 0.75, rank stability 0.90. said of it." in chromium.js("weights.textContent")
    left = chromium.js("parseFloat(document.querySelector('#cursor').style.left)")
    assert 0 < left <= 100


def test_lime_weights_are_bands_of_two_colours(show):
    chromium = show(page(regression()))
    chromium.click('circle[data-clip="0"]')
    first, second = (
        pixels(chromium, f"[...data.slice((3 * width + Math.round({share} * width)) * 4).slice(0, 4)]")
        for share in (0.1, 0.9)
    )
    assert first[0] > first[2], "orange raises"
    assert second[2] > second[0], "violet lowers"
    assert first[3] > second[3], "a larger weight is stronger"


def test_a_click_in_the_waveform_seeks(show):
    chromium = show(page(regression()))
    chromium.click('circle[data-clip="2"]')
    chromium.wait("sound.readyState >= 3")
    chromium.press(" ")
    chromium.wait("sound.paused")
    chromium.click("#canvas", across=0.75)
    chromium.wait("sound.currentTime >= 1.4")
    chromium.js("document.querySelector('#canvas').focus()")
    chromium.press(" ")
    chromium.wait("sound.paused")
    at = chromium.js("sound.currentTime")
    chromium.press("ArrowLeft")
    chromium.wait("!sound.seeking")
    assert chromium.js("sound.currentTime") == pytest.approx(at - 1, abs=0.05)
    assert now(chromium) == "alarm", "the clip is still the same"


def test_a_clip_without_sound_says_so(show):
    chromium = show(page(regression()))
    chromium.click('circle[data-clip="0"]')
    chromium.click(f'circle[data-clip="{IDS.index("far")}"]')
    assert now(chromium) == "far"
    assert "not in this page" in chromium.js("said.textContent")
    assert chromium.js("sound.paused && sound.hidden")
    assert colours(chromium) > 1, "its waveform is there"


def test_arrow_keys_on_the_figure_go_to_the_neighbour_that_way(show):
    chromium = show(page(regression()))
    chromium.click('circle[data-clip="4"]')  # in the middle
    way = f"Right missed, Up good, Left {HOSTILE}, Left alarm, Down far, Right zero, Down zero"
    for key, name in (step.split(" ", 1) for step in way.split(", ")):
        chromium.press(f"Arrow{key}")
        assert now(chromium) == name, key
    chromium.wait("!sound.paused")


def test_arrow_keys_in_the_table_go_down_and_up_it(show):
    chromium = show(page(regression()))
    order = listed(chromium)
    assert order[0] == "missed"
    assert order[-1] == "zero"
    chromium.press("ArrowDown")
    assert now(chromium) == order[0]
    chromium.wait("!sound.paused")
    chromium.click("#rows tr:nth-child(2)")
    assert chromium.js("document.activeElement.tagName") == "TR"
    chromium.press("ArrowDown")
    assert now(chromium) == order[2]
    assert chromium.js("document.activeElement.textContent").startswith(order[2])
    chromium.press("ArrowUp")
    assert now(chromium) == order[1]
    chromium.press("End")
    assert now(chromium) == order[-1]
    assert chromium.js("document.querySelectorAll('#rows [aria-selected=true]').length") == 1


def test_the_cases_are_those_of_the_analysis(show):
    chromium = show(page(regression()))
    found = cases.assign_cases(TARGETS, PREDICTIONS)
    for number, kind in enumerate(("near", "missed", "alarm", "far"), 1):
        assert points(chromium, f"circle.{kind}") == set(np.flatnonzero(found == number))
        assert chromium.js(f"document.querySelector('#count-{kind}').textContent") == str((found == number).sum())
    assert chromium.js("[...document.querySelectorAll('#cases .name')].map(n => n.textContent.trim())") == list(
        cases.NAMES.values()
    )


def test_the_filters_filter(show):
    chromium = show(page(regression()))
    chromium.click("#case-near")
    assert points(chromium) == {1, 2, 3}
    assert set(listed(chromium)) == {"missed", "alarm", "far"}
    assert chromium.js("count.textContent") == "3 of 6"
    chromium.click("#case-near")
    chromium.click("#search")
    chromium.type("DEBATE_B")
    assert points(chromium) == {2, 3}
    chromium.click("#case-alarm")
    assert listed(chromium) == ["far"]
    chromium.js("void document.querySelector('#search').select()")
    chromium.type("nothing like it")
    assert listed(chromium) == []
    chromium.press("ArrowDown")


def test_the_margin_moves_the_cases(show):
    chromium = show(page(regression()))
    chromium.click("#margin")
    chromium.js("void document.querySelector('#margin').select()")
    chromium.type("5")
    found = cases.assign_cases(TARGETS, PREDICTIONS, 0.05)
    assert points(chromium, "circle.far") == set(np.flatnonzero(found == 4))
    line = chromium.js("document.querySelectorAll('line.margin').length")
    assert line == 2


def test_the_order_of_the_table_turns(show):
    chromium = show(page(regression()))
    order = listed(chromium)
    chromium.click("#head button")
    assert listed(chromium)[0] == order[-1]
    assert chromium.js("document.querySelector('[aria-sort]').getAttribute('aria-sort')") == "ascending"


def test_the_keyboard_reaches_everything(show):
    chromium = show(page(regression()))
    reached = []
    for _ in range(25):
        chromium.press("Tab")
        reached.append(chromium.js("(e => e.id || e.tagName)(document.activeElement)"))
    wanted = ["svg", "case-near", "case-missed", "case-alarm", "case-far", "margin", "canvas", "sound", "search"]
    places = [reached.index(name) for name in [*wanted, "BUTTON", "TR"]]
    assert places == sorted(places)


def test_dark_mode(show):
    chromium = show(page(regression()))
    chromium.click('circle[data-clip="0"]')
    seen = []
    for scheme in ("light", "dark"):
        chromium.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        colour = chromium.js("getComputedStyle(document.body).backgroundColor")
        seen.append(sum(map(int, re.findall(r"\d+", colour))))
    assert seen[0] > 600 > 200 > seen[1]
    chromium.call("Emulation.setEmulatedMedia", features=[])


def test_predictions_of_any_scale_are_in_the_figure(show):
    chromium = show(page(regression()._replace(predictions=30 * PREDICTIONS)))
    height = chromium.js("[...document.querySelectorAll('circle.point')].map(c => c.cy.baseVal.value)")
    assert min(height) >= 12
    assert max(height) <= 538


def test_the_cells_of_a_confusion_matrix_filter(show):
    chromium = show(page(classes(), target="emotion", classes=LABELS))
    assert "point" not in chromium.js("said.textContent"), "there are none"
    cell = "#figure tbody tr:nth-child({}) td:nth-child({})"
    texts = chromium.js("[...document.querySelectorAll('#figure td')].map(c => Number(c.textContent))")
    assert np.reshape(texts, (3, 3)).tolist() == [[1, 0, 0], [1, 2, 0], [0, 1, 1]]
    assert chromium.js("document.querySelector('#figure tbody tr').textContent") == "calm100100 %"
    chromium.click(cell.format(2, 3))  # the line's head is the first child
    assert set(listed(chromium)) == {"missed", "far"}
    chromium.press("ArrowLeft")
    chromium.press("Enter")
    assert listed(chromium) == ["alarm"]
    chromium.press("Enter")
    assert len(listed(chromium)) == len(IDS)
    chromium.click("#case-right")
    assert set(listed(chromium)) == {"alarm", HOSTILE}
    chromium.click("#rows tr:nth-child(1)")
    assert now(chromium) == "alarm"
    assert "truth angry, predicted calm, error 80.0" in chromium.js("said.textContent")
    chromium.wait("!sound.paused")
