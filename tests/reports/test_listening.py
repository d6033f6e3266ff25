import hashlib
import html.parser
import io
import json
import re

import numpy as np
import pytest
import soundfile

from affect_jax.analysis import cases
from affect_jax.errors import UserError
from affect_jax.features.audio import Sound
from affect_jax.reports import listening
from tests import browser

RATE = 8000
TARGETS = np.array([0.8, 0.6, -0.5, -0.9, 0.0, 0.3])
PREDICTIONS = np.array([0.7, -0.4, 0.4, -0.1, 0.0, 0.8])  # cases 1, 2, 3, 4, and 1 twice: 0 is positive; on the margin
HOSTILE = "</script><img src=x onerror=alert(1)>&<!--"
IDS = ("good", "missed", "alarm", "far", "zero", HOSTILE)
GROUPS = ("debate_a", "debate_a", "debate_b", "debate_b", "debate_c", "debate_c")
LABELS = ("calm", "angry", "sad")
EXPLAINED = {
    "good": {
        "segments": [[0.0, 1.0], [1.0, 2.0]],
        "lime": [0.2, -0.1],
        "r2": 0.75,
        "stability": 0.9,
        "of": "",
        "notes": ["said of it"],
    }
}


def tone(seconds=2.0, rate=RATE):
    time = np.arange(int(seconds * rate)) / rate
    return Sound((9000 * np.sin(2 * np.pi * 300 * time) * (0.2 + (time > 1))).astype(np.int16), rate)


def regression():
    return listening.Clips(IDS, GROUPS, TARGETS, PREDICTIONS)


def classes():
    scores = np.array(
        [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.2, 0.2], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6], [0.1, 0.5, 0.4]]
    )
    return listening.Clips(IDS, GROUPS, np.array([0.0, 1, 1, 1, 2, 2]), scores)


def page(clips, **changes):
    settings = dict(
        title=f"a run <b>: synthetic & {HOSTILE}",
        target="planted",
        facts=["row 0", HOSTILE],
        sounds=[(name, tone()) for name in clips.ids],
        audible=set(clips.ids) - {"far"},
        explained=EXPLAINED,
    )
    return listening.page(clips, **{**settings, **changes})


class Elements(html.parser.HTMLParser):
    """The elements of a page: (tag, attributes, text)."""

    def __init__(self, text):
        super().__init__()
        self.found, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append([tag, dict(attrs), ""])
        self.inside = True

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.found[-1][2] += data


@pytest.fixture(scope="module")
def elements():
    return Elements(page(regression()).decode()).found


def test_names_cannot_leave_their_place(elements):
    assert not [tag for tag, _, _ in elements if tag == "img"]
    assert [text for tag, _, text in elements if tag == "title"] == [f"a run <b>: synthetic & {HOSTILE}"]
    [data] = [json.loads(text) for _, attributes, text in elements if attributes.get("id") == "data"]
    assert [clip["id"] for clip in data["clips"]] == list(IDS)
    assert data["facts"] == ["row 0", HOSTILE]


def test_only_the_pages_own_script_and_style_may_run(elements):
    [policy] = [a["content"] for _, a, _ in elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    for tag in ("script", "style"):
        [text] = [text for name, attributes, text in elements if name == tag and "type" not in attributes]
        digest = listening._text(hashlib.sha256(text.encode()).digest())
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_nothing_is_fetched(elements):
    assert not [a for _, a, _ in elements if {"src", "href"} & a.keys()]


def test_only_wanted_sounds_are_in_the_page(elements):
    carried = {a["id"] for _, a, _ in elements if a.get("id", "").startswith("sound-")}
    assert carried == {f"sound-{i}" for i, name in enumerate(IDS) if name != "far"}


@pytest.mark.parametrize(("rate", "played"), [(8000, 8000), (11025, 12000), (16000, 16000), (44100, 48000)])
def test_sound_survives_its_encoding(rate, played):
    there = tone(1.5, rate)
    back, found = soundfile.read(io.BytesIO(listening.encode(there)))
    assert found == played
    assert len(back) == pytest.approx(1.5 * played, abs=2)
    spectrum = np.abs(np.fft.rfft(back * np.hanning(len(back))))
    assert np.argmax(spectrum) * played / len(back) == pytest.approx(300, abs=3)
    assert back.std() == pytest.approx((there.samples / 32768).std(), rel=0.05)


def test_a_long_clip_is_encoded_whole_and_small():
    data = listening.encode(Sound(np.random.default_rng(0).normal(0, 2000, 30 * RATE).astype(np.int16), RATE))
    assert soundfile.info(io.BytesIO(data)).duration == pytest.approx(30, abs=0.01)
    assert len(data) < 150_000


def test_the_outline_keeps_every_peak():
    samples = np.random.default_rng(1).integers(-3000, 3000, 12345).astype(np.int16)
    samples[7777] = -32768
    found = listening.outline(samples, 100)
    assert found.shape == (100, 2)
    assert (found[:, 0] <= found[:, 1]).all()
    assert found.min() == -127
    assert abs(np.argmin(found[:, 0]) - 7777 * 100 / 12345) <= 1


def test_the_outline_of_little_and_of_silence():
    assert listening.outline(np.array([5, -10], np.int16)).tolist() == [[64, 64], [-127, -127]]
    assert not listening.outline(np.zeros(5000, np.int16)).any()


def test_spread_goes_from_the_largest_error_to_the_smallest():
    clips = regression()
    every = listening.spread(clips, 0, set(IDS))
    size = dict(zip(IDS, listening.errors(clips), strict=True))
    assert [size[name] for name in every] == sorted(size.values(), reverse=True)
    few = listening.spread(clips, 3, set(IDS))
    assert len(few) == 3
    assert (few[0], few[-1]) == (every[0], every[-1])
    assert set(listening.spread(clips, 99, {"good", "far"})) == {"good", "far"}


def test_the_error_of_a_class_is_what_the_truth_lacks():
    np.testing.assert_allclose(listening.errors(classes()), [0.3, 0.2, 0.8, 0.6, 0.4, 0.6])


def written(folder, **arrays):
    folder.mkdir(exist_ok=True)
    there = {"s/row": np.arange(4, 6), "s/test/id": np.array(["a", "b"]), "s/test/group": np.array(["g", "h"])}
    np.savez(folder / "predictions.npz", **there, **{f"s/test/{name}": value for name, value in arrays.items()})
    return folder


def results(task, **row):
    return {"task": task, "rows": [None] * 5 + [{"study": "s", "test": {"pcc": 0.5}, **row}]}


@pytest.mark.parametrize(
    ("task", "prediction", "expected"),
    [
        ("signed_regression", [0.25, -0.5], [0.25, -0.5]),
        ("binary", [0.25, 0.5], [[0.75, 0.25], [0.5, 0.5]]),
        ("multiclass", np.log([[0.2, 0.2, 0.6], [0.5, 0.25, 0.25]]) + 700, [[0.2, 0.2, 0.6], [0.5, 0.25, 0.25]]),
    ],
)
def test_predictions_are_read_as_what_they_mean(tmp_path, task, prediction, expected):
    rows = np.stack([np.zeros_like(prediction), prediction])
    clips = listening.read(written(tmp_path, prediction=rows, target=np.array([1.0, 0.0])), results(task), 5, "test")
    np.testing.assert_allclose(clips.predictions, expected, atol=1e-9)
    assert (clips.ids, clips.groups) == (("a", "b"), ("g", "h"))


def test_clips_of_another_fold_are_left_out(tmp_path):
    rows = np.array([[[0.0, 1.0], [2.0, 3.0]], [[np.nan, np.nan], [0.0, 0.0]]])
    clips = listening.read(
        written(tmp_path, prediction=rows, target=np.array([1.0, 0.0])), results("multiclass"), 5, "test"
    )
    assert clips.ids == ("b",)
    assert clips.predictions.tolist() == [[0.5, 0.5]]


def test_a_part_without_labels_is_refused(tmp_path):
    run = written(tmp_path, prediction=np.zeros((2, 2)), target=np.zeros(2))
    with pytest.raises(UserError, match="no labelled predictions of the test part"):
        listening.read(run, results("regression", test=None), 5, "test")
    with pytest.raises(UserError, match="no labelled predictions of the validation part"):
        listening.read(run, results("regression", validation={}), 5, "validation")


def test_explanations_are_those_of_the_row(tmp_path):
    said = {"row": 3, "segments": [[0, 1.5], [1.5, 3]], "lime": [0.1, -0.2], "lime_r2": 0.5, "lime_stability": None}
    for number, name in ((3, "a"), (4, "b")):
        (tmp_path / f"{name}.json").write_text(json.dumps({**said, "row": number, "id": name}))
    found = listening.explanations(tmp_path, 3)
    assert list(found) == ["a"]
    assert (found["a"]["lime"], found["a"]["r2"], found["a"]["stability"]) == ([0.1, -0.2], 0.5, None)
    assert listening.explanations(tmp_path / "nowhere", 3) == {}
    (tmp_path / "c.json").write_text('{"row": 3, "id": "c"}')
    with pytest.raises(UserError, match=r"c\.json is no explanation"):
        listening.explanations(tmp_path, 3)


# What follows needs a browser.


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


def points(chromium, kind="circle.point:not(.off)"):
    return set(chromium.js(f"[...document.querySelectorAll('{kind}')].map(c => Number(c.dataset.clip))"))


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
    found = cases.cases(TARGETS, PREDICTIONS)
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
    found = cases.cases(TARGETS, PREDICTIONS, 0.05)
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
