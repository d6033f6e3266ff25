import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from absl import flags

from affect_jax.config import load
from affect_jax.data import splits
from affect_jax.datasets import catalog
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.errors import UserError
from affect_jax.evaluation.films import Film, encode_film
from affect_jax.experiment.chosen_trial import Choice
from affect_jax.experiment.results_file import write_results
from affect_jax.features import video
from affect_jax.reports import listening
from launch import explore
from tests import browser
from tests.run_results import make_corpus, make_results, make_trial

IDS = ("c0", "c1", "c2", "c3")
TARGETS = np.array([0.5, -0.5, 0.2, -0.9], np.float32)
PREDICTIONS = np.array([[0.0] * 4, [0.4, 0.3, 0.15, -0.2]], np.float32)
SAMPLES = (8000 * np.sin(np.arange(4000) / 5)).astype(np.int16)


@pytest.fixture
def run(tmp_path):
    """A finished run of one variant with two trials, the second one the better, on four clips."""
    folder = tmp_path / "run"
    (folder / "explanations").mkdir(parents=True)
    scores = ({"pcc": 0.0, "ccc": None}, {"pcc": 0.625, "ccc": None})
    trials = [make_trial(study="one", variant="ConflictNET", fold="given", validation=x, test=x) for x in scores]
    corpus = make_corpus(name="talk", form="made of noise", fingerprint="f")
    write_results(folder, make_results(*trials, name="conflictnet", corpus=corpus))
    config = {"config_arg": "", "config": {"data": {"target": "planted"}}}
    (folder / "config.json").write_text(json.dumps(config))
    arrays = {"trial": np.arange(2), "test/prediction": PREDICTIONS, "test/target": TARGETS}
    arrays |= {"test/id": np.array(IDS), "test/group": np.array(["d0", "d0", "d1", "d1"])}
    np.savez(folder / "predictions.npz", **{f"one/{name}": value for name, value in arrays.items()})
    for number, name in enumerate(IDS[:2]):
        said = {"id": name, "trial": number, "segments": [[0, 0.25], [0.25, 0.5]], "lime": [0.1, -0.1], "lime_r2": 0.5}
        (folder / "explanations" / f"{name}.json").write_text(json.dumps(said))
    return folder


@pytest.fixture
def sounds(tmp_path):
    folder = tmp_path / "wavs" / "deep"
    folder.mkdir(parents=True)
    for name in (*IDS[:3], "another"):
        soundfile.write(folder / f"{name}.wav", SAMPLES, 8000)
    return folder.parent


@pytest.fixture
def corpus(monkeypatch):
    """A corpus of the same clips takes the place of what the config names."""

    def call(fingerprint="f", modality="speech"):
        members = [
            Recording(name, "d", (name,), {modality: SAMPLES}, {"planted": np.ones(1, np.float32)}) for name in IDS
        ]
        made = Recordings("talk", "made of noise", True, {"train": [], "test": members}, {}, {}, fingerprint)
        monkeypatch.setattr(splits, "load_recordings", lambda corpus: made)

    return call


@pytest.fixture
def program(monkeypatch):
    """Runs main with flags of its own."""
    settings = {"rate": 8000}
    experiment = SimpleNamespace(
        corpus=SimpleNamespace(settings=settings), data=SimpleNamespace(target="planted", modalities=("speech",))
    )
    monkeypatch.setattr(load, "read_experiment", lambda folder: experiment)

    def call(*arguments):
        values = flags.FlagValues()
        explore.define_flags(values)
        monkeypatch.setattr(explore, "FLAGS", values)
        explore.main(values(["explore", *map(str, arguments)]))

    return call


def data(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(text.split('id="data">')[1].split("</script>")[0]), text


def test_the_page_of_a_corpus(program, corpus, run, capsys):
    corpus()
    program(f"--run={run}")
    out = run / "listening" / "test_trial_1.html"
    view, text = data(out)
    printed, noted = capsys.readouterr()
    choice, line, last, following = printed.splitlines(keepends=True)
    assert choice == (
        "trial 1, variant 'ConflictNET' (from a synthetic corpus), fold given, seed 0: the best trial on validation; "
        "validation PCC 0.625, test PCC 0.625; mean of all 2 trials of this variant: validation PCC 0.312, test PCC "
        "0.312\n"
    )
    assert line == f"4 clips, 4 with sound, 1 with LIME weights, {out.stat().st_size / 1e6:.1f} MB -> {out}\n"
    assert last == f"open in a browser: {out}\n"
    assert following.startswith(f"next: python -m launch.report {run}")
    assert not noted
    assert "<title>conflictnet: test split of talk, made of noise (synthetic corpus)</title>" in text
    assert view["facts"] == [
        "trial 1: ConflictNET, fold given, seed 0",
        "PCC 0.625",
        "the best trial on validation",
        "mean of all 2 trials of this variant: validation PCC 0.312, test PCC 0.312",
    ]
    assert view["target"] == "planted"
    assert [clip["id"] for clip in view["clips"]] == list(IDS)
    np.testing.assert_allclose([clip["prediction"] for clip in view["clips"]], PREDICTIONS[1], atol=1e-6)
    assert [clip["seconds"] for clip in view["clips"]] == [0.5] * 4
    assert ["explanation" in clip for clip in view["clips"]] == [False, True, False, False], (
        "of trial 1, not of trial 0"
    )


@pytest.mark.parametrize(
    ("synthetic", "form", "said"),
    [
        (False, "speech", "speech"),
        (True, "speech", "speech (synthetic corpus)"),
        (True, "semi-synthetic: real speech, constructed target", "semi-synthetic: real speech, constructed target"),
    ],
)
def test_the_title_says_what_the_corpus_is(synthetic, form, said):
    corpus = make_corpus(name="talk", form=form, synthetic=synthetic)
    results = make_results(make_trial(), corpus=corpus)
    assert listening.write_heading(Choice(results, 0, ""), "test", "y").title == f"x: test split of talk, {said}"


def test_a_trial_and_a_place_of_ones_own(program, corpus, run, tmp_path):
    corpus()
    out = tmp_path / "new" / "x.html"
    program(f"--run={run}", "--trial=0", f"--out={out}")
    view, _ = data(out)
    assert {clip["prediction"] for clip in view["clips"]} == {0.0}
    assert "explanation" in view["clips"][0]


def test_a_limit_keeps_every_clip_but_not_its_sound(program, corpus, run, capsys):
    corpus()
    program(f"--run={run}", "--limit=2")
    view, _ = data(run / "listening" / "test_trial_1.html")
    assert [clip["sound"] for clip in view["clips"]] == [False, True, True, False], "the worst and the best"
    assert all("outline" in clip for clip in view["clips"])
    assert "4 clips, 2 with sound" in capsys.readouterr().out


def test_another_corpus_is_refused(program, corpus, run):
    corpus(fingerprint="g")
    with pytest.raises(UserError, match="the corpus has changed since .* was trained"):
        program(f"--run={run}")


def test_sound_from_a_folder(program, run, sounds, capsys):
    program(f"--run={run}", f"--audio_dir={sounds}")
    view, _ = data(run / "listening" / "test_trial_1.html")
    assert [clip["sound"] for clip in view["clips"]] == [True, True, True, False]
    assert "4 clips, 3 with sound" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--trial=7",), "the run has trials 0 to 1"),
        (("--split=validation",), "no labelled predictions of the validation split"),
        (("--audio_dir=/nowhere",), "--audio_dir=/nowhere is not a folder"),
        (("--audio_dir={run}",), r"no file named like a clip of the run, such as c0\.wav"),
    ],
)
def test_what_cannot_be_shown(program, run, arguments, said):
    with pytest.raises(UserError, match=said):
        program(f"--run={run}", *(argument.format(run=run) for argument in arguments))


@pytest.mark.parametrize("apart", [False, True])
def test_films_play_beside_the_waveform(program, run, tmp_path, monkeypatch, capsys, apart):
    clips = pytest.importorskip("tests.extraction.clips")
    (tmp_path / "films").mkdir()
    for name in IDS[:2]:
        tone = None if name == "c1" else 440.0
        clips.write_clip(tmp_path / "films" / f"{name}.mp4", seconds=0.5, frames=clips.draw, tone=tone)
    monkeypatch.setattr(listening, "EMBEDDED", 10 if apart else 10_000_000)
    program(f"--run={run}", f"--audio_dir={tmp_path / 'films'}")
    out = run / "listening" / "test_trial_1.html"
    view, text = data(out)
    assert [bool(clip.get("film")) for clip in view["clips"]] == [True, True, False, False]
    assert view["clips"][1]["seconds"] == pytest.approx(0.5, abs=0.1)  # a film without sound
    films = sorted(path.name for path in (out.parent / "test_trial_1_films").glob("*"))
    assert films == (["0.webm", "1.webm"] if apart else [])
    assert ('id="film-0"' in text) is not apart
    assert (" file:; script-src" in text) is apart
    assert "2 with films" + (" in the folder" if apart else ",") in capsys.readouterr().out
    if os.path.exists(browser.BINARY):
        with browser.Page(tmp_path / "profile") as page:
            page.open(out)
            page.click('circle[data-clip="0"]')
            page.wait("sound.ended || sound.currentTime > 0.1")
            assert page.js("[sound.videoWidth, sound.videoHeight]") == [64, 48]
            assert page.js("sound.offsetHeight") > 60
            assert not page.named("Runtime.exceptionThrown")


def test_films_without_pyav_are_told(program, run, tmp_path, monkeypatch):
    (tmp_path / "films").mkdir()
    for name in IDS[:2]:
        (tmp_path / "films" / f"{name}.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError) as error:
        program(f"--run={run}", f"--audio_dir={tmp_path / 'films'}")
    assert "PyAV" in str(error.value)
    assert "pip install 'affect-jax[video]'" in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert not (run / "listening").exists()


@pytest.mark.parametrize(
    ("name", "settings", "sizes"),
    [
        ("ravdess", {"form": "video"}, {"form": "video", "actors": 3, "statements": 1, "rate": 8000}),
        ("iemocap", {"form": "release"}, {"form": "films", "sessions": 3, "utterances": 12, "text": 6, "width": 3}),
        ("cmu_mosi", {"form": "raw"}, {"form": "raw", "train_videos": 3, "test_videos": 1}),
    ],
)
def test_films_of_a_corpus_play(program, corpus, run, tmp_path, monkeypatch, capsys, name, settings, sizes):
    pytest.importorskip("av")
    package = catalog.import_corpus(name)
    package.synthesize(tmp_path / "release", **sizes)
    settings = {"name": name, "manual_dir": str(tmp_path / "release"), **settings}
    films = package.find_films(settings)
    chosen = [films[0], films[1], films[-1]]
    corpus(modality="video")  # what a model read has no sound
    experiment = SimpleNamespace(
        corpus=SimpleNamespace(settings=settings), data=SimpleNamespace(target="planted", modalities=("video",))
    )
    monkeypatch.setattr(load, "read_experiment", lambda folder: experiment)
    with np.load(run / "predictions.npz") as file:
        arrays = dict(file)
    arrays["one/test/id"] = np.array([*(film.id for film in chosen), "none"])
    np.savez(run / "predictions.npz", **arrays)
    program(f"--run={run}")
    view, _ = data(run / "listening" / "test_trial_1.html")
    assert [bool(clip.get("film")) for clip in view["clips"]] == [True] * 3 + [False]
    assert ["outline" in clip for clip in view["clips"]] == [True] * 3 + [False]
    for clip, film in zip(view["clips"], chosen, strict=False):
        start, end = film.segment
        whole = video.read_facts(Path(film.content)).seconds
        assert clip["seconds"] == pytest.approx((whole if end is None else end) - start, abs=0.15)
    assert "3 with films" in capsys.readouterr().out


def test_only_the_speaker_s_half_is_shown(tmp_path):
    clips = pytest.importorskip("tests.extraction.clips")
    clips.write_clip(tmp_path / "two.mp4", seconds=0.5, frames=clips.draw)
    sides = []
    for half in ("left", "right", ""):
        (tmp_path / "half.webm").write_bytes(encode_film(Film(tmp_path / "two.mp4", half=half))[0])
        sides.append(next(video.read_pictures(tmp_path / "half.webm", 3)).image.astype(float))
    np.testing.assert_allclose(np.concatenate(sides[:2], axis=1), sides[2], atol=60)
    assert np.abs(sides[0] - sides[1]).max() > 100


def test_a_clip_with_two_files_is_refused(program, run, sounds):
    soundfile.write(sounds / "c1.flac", SAMPLES, 8000)
    with pytest.raises(UserError, match=r"c1\.flac and .*c1\.wav are both of one clip"):
        program(f"--run={run}", f"--audio_dir={sounds}")


def test_a_corpus_without_speech_is_refused(program, corpus, run):
    corpus(modality="video")
    with pytest.raises(UserError, match="talk has no speech of the clips"):
        program(f"--run={run}")


def test_the_program_names_a_bad_file_in_one_line(run, sounds, repo_root):
    bad = sounds / "deep" / "c3.ogg"
    bad.write_bytes(b"no sound")
    command = [sys.executable, "-m", "launch.explore", f"--run={run}", f"--audio_dir={sounds}"]
    done = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: {bad} cannot be read as audio")
    assert not (run / "listening").exists()


def test_what_was_written_plays(program, corpus, run, tmp_path):
    browser.need()
    corpus()
    program(f"--run={run}")
    with browser.Page(tmp_path / "profile") as page:
        page.open(run / "listening" / "test_trial_1.html")
        page.click('circle[data-clip="1"]')
        page.wait("sound.ended || sound.currentTime > 0.1")
        assert page.js("now.textContent") == "c1"
        assert page.js("sound.duration") == pytest.approx(0.5, abs=0.02)
        assert not page.named("Runtime.exceptionThrown")
