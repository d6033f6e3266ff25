import hashlib
import html.parser
import io
import json

import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.evaluation import audible_clips
from affect_jax.features.audio import Sound
from affect_jax.reports.render import encode_base64
from tests.clips import HOSTILE, IDS, RATE, classes, page, regression, tone
from tests.run_results import make_results, make_trial


class Elements(html.parser.HTMLParser):
    """The elements of a page: (tag, attributes, text)."""

    def __init__(self, text):
        super().__init__()
        self.nodes, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.nodes.append([tag, dict(attrs), ""])
        self.inside = True

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.nodes[-1][2] += data


@pytest.fixture(scope="module")
def elements():
    return Elements(page(regression()).decode()).nodes


def test_names_cannot_leave_their_place(elements):
    assert not [tag for tag, _, _ in elements if tag == "img"]
    assert [text for tag, _, text in elements if tag == "title"] == [f"a run <b>: synthetic & {HOSTILE}"]
    [data] = [json.loads(text) for _, attributes, text in elements if attributes.get("id") == "data"]
    assert [clip["id"] for clip in data["clips"]] == list(IDS)
    assert data["facts"] == ["trial 0", HOSTILE]


def test_only_the_pages_own_script_and_style_may_run(elements):
    [policy] = [a["content"] for _, a, _ in elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    for tag in ("script", "style"):
        [text] = [text for name, attributes, text in elements if name == tag and "type" not in attributes]
        digest = encode_base64(hashlib.sha256(text.encode()).digest())
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_nothing_is_fetched(elements):
    assert not [a for _, a, _ in elements if {"src", "href"} & a.keys()]


def test_only_wanted_sounds_are_in_the_page(elements):
    carried = {a["id"] for _, a, _ in elements if a.get("id", "").startswith("sound-")}
    assert carried == {f"sound-{i}" for i, name in enumerate(IDS) if name != "far"}


@pytest.mark.parametrize(("rate", "played"), [(8000, 8000), (11025, 12000), (16000, 16000), (44100, 48000)])
def test_sound_survives_its_encoding(rate, played):
    sound = tone(1.5, rate)
    back, rate_read = soundfile.read(io.BytesIO(audible_clips.encode_sound(sound)))
    assert rate_read == played
    assert len(back) == pytest.approx(1.5 * played, abs=2)
    spectrum = np.abs(np.fft.rfft(back * np.hanning(len(back))))
    assert np.argmax(spectrum) * played / len(back) == pytest.approx(300, abs=3)
    assert back.std() == pytest.approx((sound.samples / 32768).std(), rel=0.05)


def test_a_long_clip_is_encoded_whole_and_small():
    data = audible_clips.encode_sound(Sound(np.random.default_rng(0).normal(0, 2000, 30 * RATE).astype(np.int16), RATE))
    assert soundfile.info(io.BytesIO(data)).duration == pytest.approx(30, abs=0.01)
    assert len(data) < 150_000


def test_the_outline_keeps_every_peak():
    samples = np.random.default_rng(1).integers(-3000, 3000, 12345).astype(np.int16)
    samples[7777] = -32768
    outline = audible_clips.outline_sound(samples, 100)
    assert outline.shape == (100, 2)
    assert (outline[:, 0] <= outline[:, 1]).all()
    assert outline.min() == -127
    assert abs(np.argmin(outline[:, 0]) - 7777 * 100 / 12345) <= 1


def test_the_outline_of_little_and_of_silence():
    assert audible_clips.outline_sound(np.array([5, -10], np.int16)).tolist() == [[64, 64], [-127, -127]]
    assert not audible_clips.outline_sound(np.zeros(5000, np.int16)).any()


def test_spread_goes_from_the_largest_error_to_the_smallest():
    clips = regression()
    every = audible_clips.choose_audible(clips, 0, set(IDS))
    size = dict(zip(IDS, audible_clips.measure_errors(clips), strict=True))
    assert [size[name] for name in every] == sorted(size.values(), reverse=True)
    few = audible_clips.choose_audible(clips, 3, set(IDS))
    assert len(few) == 3
    assert (few[0], few[-1]) == (every[0], every[-1])
    assert set(audible_clips.choose_audible(clips, 99, {"good", "far"})) == {"good", "far"}


def test_the_error_of_a_class_is_what_the_truth_lacks():
    np.testing.assert_allclose(audible_clips.measure_errors(classes()), [0.3, 0.2, 0.8, 0.6, 0.4, 0.6])


def written(folder, **arrays):
    folder.mkdir(exist_ok=True)
    steps = {"s/trial": np.arange(4, 6), "s/test/id": np.array(["a", "b"]), "s/test/group": np.array(["g", "h"])}
    np.savez(folder / "predictions.npz", **steps, **{f"s/test/{name}": value for name, value in arrays.items()})
    return folder


def results(task, **changes):
    trials = [make_trial() for _ in range(5)] + [make_trial(**{"study": "s", "test": {"pcc": 0.5}, **changes})]
    return make_results(*trials, task=task)


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
    clips = audible_clips.read_clips(
        written(tmp_path, prediction=rows, target=np.array([1.0, 0.0])), results(task), 5, "test"
    )
    np.testing.assert_allclose(clips.predictions, expected, atol=1e-9)
    assert (clips.ids, clips.groups) == (("a", "b"), ("g", "h"))


def test_clips_of_another_fold_are_left_out(tmp_path):
    rows = np.array([[[0.0, 1.0], [2.0, 3.0]], [[np.nan, np.nan], [0.0, 0.0]]])
    clips = audible_clips.read_clips(
        written(tmp_path, prediction=rows, target=np.array([1.0, 0.0])), results("multiclass"), 5, "test"
    )
    assert clips.ids == ("b",)
    assert clips.predictions.tolist() == [[0.5, 0.5]]


def test_a_split_without_labels_is_refused(tmp_path):
    run = written(tmp_path, prediction=np.zeros((2, 2)), target=np.zeros(2))
    with pytest.raises(UserError, match="no labelled predictions of the test split"):
        audible_clips.read_clips(run, results("regression", test=None), 5, "test")
    with pytest.raises(UserError, match="no labelled predictions of the validation split"):
        audible_clips.read_clips(run, results("regression", validation={}), 5, "validation")


def test_explanations_are_those_of_the_row(tmp_path):
    entry = {"trial": 3, "segments": [[0, 1.5], [1.5, 3]], "lime": [0.1, -0.2], "lime_r2": 0.5, "lime_stability": None}
    for number, name in ((3, "a"), (4, "b")):
        (tmp_path / f"{name}.json").write_text(json.dumps({**entry, "trial": number, "id": name}))
    explained = audible_clips.read_explanations(tmp_path, 3)
    assert list(explained) == ["a"]
    assert (explained["a"]["lime"], explained["a"]["r2"], explained["a"]["stability"]) == (
        [0.1, -0.2],
        0.5,
        None,
    )
    assert audible_clips.read_explanations(tmp_path / "nowhere", 3) == {}
    (tmp_path / "c.json").write_text('{"trial": 3, "id": "c"}')
    with pytest.raises(UserError, match=r"c\.json is no explanation"):
        audible_clips.read_explanations(tmp_path, 3)
