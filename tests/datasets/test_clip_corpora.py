"""RAVDESS, IEMOCAP and CMU-MOSI from their films, sound and words, through the extractors of a manifest's columns."""

import shutil

import numpy as np
import pytest

from affect_jax.datasets import cmu_mosi, iemocap, ravdess
from affect_jax.datasets.cmu_mosi import raw_release
from affect_jax.datasets.iemocap import planted_emotions, release, synthetic
from affect_jax.errors import UserError
from affect_jax.extraction import compute
from affect_jax.features import audio, gradients, sound_files, video
from affect_jax.features.segments import WHOLE, Segment
from affect_jax.inference import clip_features

pytest.importorskip("av")

ACTED = {"form": "video", "modalities": ("audio", "video"), "audio_features": "mfcc", "video_features": "hog"}
FILMS = {"sessions": 3, "utterances": 12, "text": 6, "video": 6, "audio": 8, "width": 3, "seed": 1}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Corpus -> its folder; `data` -> what is built of them."""
    folder = tmp_path_factory.mktemp("clips")
    ravdess.synthesize(folder / "ravdess", form="video", actors=3, statements=1, rate=8000)
    iemocap.synthesize(folder / "iemocap", form="films", **FILMS)
    cmu_mosi.synthesize(folder / "cmu_mosi", form="raw", train_videos=3, test_videos=1)
    return {path.name: path for path in folder.iterdir()} | {"data": folder / "data"}


def read(package, folders, name, **settings):
    where = {"manual_dir": str(folders[name]), "data_dir": str(folders["data"])}
    return package.inspect({**where, **settings})[0]


def see(path, rate=3.0, **changes):
    return [gradients.compute_gradients(picture.image) for picture in video.read_pictures(path, rate, **changes)]


def test_sound_and_face_of_ravdess_are_of_one_file(folders, tmp_path):
    corpus = read(ravdess, folders, "ravdess", **ACTED)
    assert (corpus.form, corpus.synthetic, len(corpus.splits["train"])) == ("audio+video", True, 45)
    clip = corpus.splits["train"][7]
    path = folders["ravdess"] / f"Actor_{clip.id[-2:]}" / f"{clip.id.replace('03-', '01-', 1)}.mp4"
    samples = sound_files.read_audio(path, rate=16000)
    np.testing.assert_allclose(clip.features["audio"], audio.compute_mfcc(samples, 16000), atol=1e-5)
    np.testing.assert_array_equal(clip.features["video"], np.stack(see(path)))
    forms = corpus.inputs.modalities  # so that launch.predict makes the same of other clips
    assert {m: (form.extraction.column, form.extraction.source) for m, form in forms.items()} == {
        "audio": ("clip", "mfcc"),
        "video": ("clip", "hog"),
    }
    extractors = clip_features.load_extractors(corpus.inputs, {})
    row = compute.Row(0, {"clip": str(path)}, WHOLE)
    made = clip_features.extract_rows(extractors, [row], tmp_path, tmp_path, print)
    for modality, values in clip.features.items():
        with np.load(made.files[0][modality]) as file:
            np.testing.assert_allclose(file["features"], values, atol=1e-5)
    faster = read(
        ravdess,
        folders,
        "ravdess",
        **ACTED | {"frame_rate": 6.0, "modalities": ("speech", "video")} | {"audio_features": None},
    )
    assert len(faster.splits["train"][7].features["video"]) in (2 * len(see(path)) - 1, 2 * len(see(path)))
    assert len(faster.splits["train"][7].features["speech"]) == len(sound_files.read_audio(path, rate=8000))


def test_iemocap_sees_the_speaker_s_half_while_they_speak(folders):
    settings = {"form": "release", "modalities": ("video", "audio", "text"), "video_features": "hog"}
    corpus = read(iemocap, folders, "iemocap", **settings, audio_features="log_mel")
    places = release.find_sessions(folders["iemocap"], 3)
    utterances = {utterance.id: utterance for utterance in release.read_emotions(places)}
    sides = set()
    for recording in corpus.splits["train"][::5]:
        one = utterances[recording.id]
        sides.add(one.half)
        pictures = video.read_pictures(release.find_film(one), 3.0, Segment(one.start, one.end))
        cut = slice(64) if one.half == "left" else slice(64, None)
        expected = [gradients.compute_gradients(np.ascontiguousarray(p.image[:, cut])) for p in pictures]
        np.testing.assert_array_equal(recording.features["video"], np.stack(expected))
        assert recording.features["audio"].shape[1] == 64
        assert recording.features["text"].shape[1] == 300  # GloVe's, as no extractor is named
    assert sides == {"left", "right"}
    assert utterances["Ses01F_impro01_M000"].half == "right"
    assert corpus.inputs is None  # the words are not an extractor's


def test_iemocap_s_films_sound_as_the_utterances_in_the_channel_of_the_speaker(folders):
    import av

    utterances = release.read_emotions(release.find_sessions(folders["iemocap"], 3))
    film = release.find_film(utterances[0])
    with av.open(str(film)) as container:
        frames = [frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)]
    both = np.concatenate(frames) / 32768
    assert len(both) / release.RATE == pytest.approx(video.read_facts(film).seconds, abs=0.1)
    mono = sound_files.decode_audio(film)
    assert mono.rate == release.RATE
    np.testing.assert_allclose(mono.samples, both.mean(axis=1), atol=1e-4)
    halves = set()
    for one in utterances:
        if one.dialog != film.stem or not one.wav.is_file():
            continue
        halves.add(one.half)
        alone, start = sound_files.read_audio(one.wav, rate=release.RATE), round(one.start * release.RATE)
        stretch = both[start : round(one.end * release.RATE)]
        here = stretch[:, ("left", "right").index(one.half)]
        assert np.corrcoef(here[: len(alone)], alone)[0, 1] > 0.98  # ADPCM has four bits a sample
        other = stretch[:, ("right", "left").index(one.half)]
        assert np.abs(other).max() < 1e-3
        assert np.abs(here[len(alone) + 50 :]).max() < 0.05 * np.abs(alone).max()
    assert halves == {"left", "right"}


def test_no_stretch_of_iemocap_s_films_is_shorter_than_its_sound():
    planted = planted_emotions.draw_utterances(3, 12, 1)
    for frames, seconds in ((24, 0.8), (150, 1.5)):
        times = synthetic._plan_times(planted, {"audio": frames})
        assert {round(end - start, 6) for start, end in times} == {seconds}


def test_the_raw_mosi_has_the_standard_split(folders):
    settings = {"form": "raw", "video_features": "hog", "audio_features": "mfcc", "labels": "sentiment"}
    corpus = read(cmu_mosi, folders, "cmu_mosi", **settings)
    assert list(corpus.splits) == ["train", "validation", "test"]
    videos = {split: {r.group for r in members} for split, members in corpus.splits.items()}
    assert [len(videos[split]) for split in corpus.splits] == [2, 1, 1]
    assert not set.intersection(*videos.values())
    rows = (folders["cmu_mosi"] / "Raw" / "labels.csv").read_text().split()[1:]
    assert {f"{row.split(',')[2]}_{row.split(',')[3]}": float(row.split(",")[4]) for row in rows} == pytest.approx(
        {r.id: float(r.targets["sentiment"][0]) for members in corpus.splits.values() for r in members}
    )
    one = corpus.splits["test"][0]
    np.testing.assert_array_equal(
        one.features["video"], np.stack(see(folders["cmu_mosi"] / "Raw" / raw_release.FILM / f"{one.id}.mp4"))
    )


def test_other_folders_are_told(tmp_path):
    (tmp_path / "Actor_01").mkdir()
    with pytest.raises(UserError, match=r"has no videos with sound \(01-01-\*\.mp4\)"):
        read(ravdess, {"ravdess": tmp_path, "data": tmp_path / "data"}, "ravdess", **ACTED)
    with pytest.raises(UserError, match="has none of Raw/Audio/WAV_16000/Segmented"):
        raw_release.find_root(tmp_path)


def test_words_of_the_raw_mosi(folders, tmp_path):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("great 1 2\nthe 3 4\n")
    corpus = read(cmu_mosi, folders, "cmu_mosi", form="raw", text_features=f"glove:{vectors}")
    root = folders["cmu_mosi"] / "Raw"
    for recording in corpus.splits["train"]:
        video, _, segment = recording.id.rpartition("_")
        lines = (root / raw_release.WORDS / f"{video}.annotprocessed").read_text().splitlines()
        words = lines[int(segment) - 1].partition("_DELIM_")[2].lower().split()
        assert len(recording.features["text"]) == len(words)
        assert (recording.features["text"] == [3, 4]).all(1).sum() == words.count("the")


def test_the_lists_are_the_standard_folds(shared_data):
    import csv

    with (shared_data / "cmu_mosi" / "mosi_labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    folds = {name: {row["video_id"] for row in rows if row["std_fold"] == name} for name in ("valid", "test")}
    assert (set(raw_release.VALIDATION), set(raw_release.TEST)) == (folds["valid"], folds["test"])
    counts = [sum(row["std_fold"] == name for row in rows) for name in ("train", "valid", "test")]
    assert counts == list(raw_release.COUNTS.values())


def test_a_table_of_labels_may_lack_its_header(folders, tmp_path):
    copy = shutil.copytree(folders["cmu_mosi"], tmp_path / "copy")
    path = copy / "Raw" / "labels.csv"
    videos = list(dict.fromkeys(row.split(",")[2] for row in path.read_text().split()[1:]))
    folds = raw_release.Folds((videos[0],), (videos[1],))
    whole = raw_release.read_utterances(copy, folds, None)
    path.write_text(path.read_text().partition("\n")[2])
    assert raw_release.read_utterances(copy, folds, None) == whole
    with pytest.raises(UserError, match="0 utterances of the standard validation videos, expected 1 or more"):
        raw_release.read_utterances(copy, folds._replace(validation=()), None)
    with pytest.raises(UserError, match="utterances of the standard train videos, expected 1284"):
        raw_release.read_utterances(copy, folds, raw_release.COUNTS)


@pytest.mark.parametrize(
    ("package", "name", "settings", "says"),
    [
        (ravdess, "ravdess", {**ACTED, "video_features": None}, "video_features to an extractor"),
        (ravdess, "ravdess", {**ACTED, "modalities": ("audio",)}, "'video' is not among config.corpus.modalities"),
        (ravdess, "ravdess", {**ACTED, "form": "audio"}, "is for the form 'video'"),
        (ravdess, "ravdess", {**ACTED, "video_features": "mfcc"}, "reads sound, not pictures"),
        (ravdess, "iemocap", {**ACTED}, "is a synthetic 'iemocap' corpus"),
        (iemocap, "iemocap", {"form": "precomputed", "audio_features": "mfcc"}, "is for the form 'release' only"),
        (cmu_mosi, "cmu_mosi", {"form": "raw"}, "set config.corpus.text_features, audio_features or video_features"),
        (cmu_mosi, "cmu_mosi", {"audio_features": "mfcc"}, "is for the form 'raw'"),
        (cmu_mosi, "ravdess", {"form": "raw", "audio_features": "mfcc"}, "is a synthetic 'ravdess' corpus"),
    ],
)
def test_wrong_settings_are_told(folders, package, name, settings, says):
    with pytest.raises(UserError, match=says):
        read(package, folders, name, **settings)


@pytest.mark.parametrize(
    ("package", "name", "settings", "path", "content", "says"),
    [
        (ravdess, "ravdess", ACTED, "Actor_*/01-01-05-01-01-01-*.mp4", b"", "is empty"),
        (ravdess, "ravdess", ACTED, "Actor_*/01-01-05-01-01-01-*.mp4", None, "is missing"),
        (
            iemocap,
            "iemocap",
            {"form": "release", "modalities": ("video",), "video_features": "hog"},
            "Session1/dialog/avi/DivX/*.avi",
            None,
            "no film",
        ),
        (
            cmu_mosi,
            "cmu_mosi",
            {"form": "raw", "video_features": "hog"},
            "Raw/Video/Segmented/*_1.mp4",
            None,
            "is missing; correct",
        ),
        (
            cmu_mosi,
            "cmu_mosi",
            {"form": "raw", "video_features": "hog"},
            "Raw/labels.csv",
            b"start,end,video,segment,label\n0,1,a,1,5\n",
            "expected a name, a number, and -3 to 3",
        ),
        (
            cmu_mosi,
            "cmu_mosi",
            {"form": "raw", "video_features": "hog"},
            "Raw/labels.csv",
            None,
            "labels.csv is missing",
        ),
        (
            cmu_mosi,
            "cmu_mosi",
            {"form": "raw", "text_features": "glove:VECTORS"},
            "Raw/Transcript/Segmented/*.annotprocessed",
            b"1_DELIM_CAF\xc9\n",
            "has no line of",
        ),
    ],
)
def test_damaged_releases_are_told(folders, tmp_path, package, name, settings, path, content, says):
    copy = shutil.copytree(folders[name], tmp_path / name)
    for place in copy.glob(path):
        place.unlink() if content is None else place.write_bytes(content)
    (tmp_path / "VECTORS").write_text("great 1 2\n")
    settings = {
        key: value.replace("VECTORS", str(tmp_path / "VECTORS")) if key == "text_features" else value
        for key, value in settings.items()
    }
    with pytest.raises(UserError, match=says):
        read(package, {name: copy, "data": tmp_path / "data"}, name, **settings)
