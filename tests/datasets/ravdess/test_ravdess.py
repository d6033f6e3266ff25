import shutil

import numpy as np
import pytest
import soundfile

from affect_jax.datasets import ravdess
from affect_jax.datasets.manifest import frame_files, unlabelled
from affect_jax.datasets.ravdess import actors, builder, release
from affect_jax.datasets.release_files import MARKER
from affect_jax.errors import UserError

CLIP = "Actor_05/03-01-05-01-01-01-05.wav"


def load(folder, tmp_path, **settings):
    return ravdess.load({"manual_dir": str(folder), "data_dir": str(tmp_path / "data"), **settings})


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where tests that spoil nothing build corpora: each is built once."""
    return tmp_path_factory.mktemp("place")


def test_load_gives_what_the_files_say(ravdess_raw, place):
    corpus = load(ravdess_raw, place)
    assert (corpus.corpus, corpus.form, corpus.synthetic) == ("ravdess", "speech", True)
    assert (list(corpus.splits), corpus.draws) == (["train"], {})
    assert corpus.labels == release.EMOTIONS
    assert len(corpus.splits["train"]) == 90
    for clip in corpus.splits["train"]:
        fields = clip.id.split("-")
        assert clip.steps == (clip.id,)
        assert clip.group == f"actor_{fields[6]}"
        assert clip.targets["emotion"].tolist() == [int(fields[2]) - 1]
        assert clip.targets["emotion"].dtype == np.float32
        # At its own rate a clip is stored as it is, with its silence.
        samples, _ = soundfile.read(ravdess_raw / f"Actor_{fields[6]}" / f"{clip.id}.wav", dtype="int16")
        np.testing.assert_array_equal(clip.features["speech"], samples)


def test_every_modality(ravdess_raw, place):
    corpus = load(ravdess_raw, place, modalities=("action_units", "mfcc", "speech"))
    units = release.read_action_units(ravdess_raw / release.ACTION_UNITS_FILE, [])
    for clip in corpus.splits["train"]:
        assert clip.features["mfcc"].shape == (1 + len(clip.features["speech"]) // 80, 120)
        assert clip.features["mfcc"].dtype == np.float32
        named = release.parse_name(clip.id, "", ("03",))
        np.testing.assert_array_equal(clip.features["action_units"], units[named])
    alone = load(ravdess_raw, place, modalities=("action_units",))
    assert alone.form == "action_units"
    assert set(alone.splits["train"][0].features) == {"action_units"}


@pytest.mark.parametrize("modality", ["mfcc", "speech"])
def test_a_clip_s_file_becomes_what_the_corpus_has(ravdess_raw, place, modality):
    corpus = load(ravdess_raw, place, modalities=(modality,))
    (clip,) = (one for one in corpus.splits["train"] if one.id in CLIP)
    readers = frame_files.make_readers(corpus.inputs.options)
    again = unlabelled.make_recording(unlabelled.request_file(ravdess_raw / CLIP, modality), corpus.inputs, readers)
    assert again.id == clip.id
    np.testing.assert_array_equal(again.features[modality], clip.features[modality])
    assert load(ravdess_raw, place, modalities=("mfcc", "speech")).inputs is None


def test_read_at_another_rate_and_from_flac(ravdess_copy, tmp_path):
    wav = ravdess_copy / CLIP
    samples, rate = soundfile.read(wav, dtype="float32")
    before = load(ravdess_copy, tmp_path, rate=4000)
    soundfile.write(wav.with_suffix(".flac"), samples, rate, subtype="PCM_16")
    wav.unlink()
    after = load(ravdess_copy, tmp_path, rate=4000)
    assert after.fingerprint == before.fingerprint
    result = {clip.id: clip.features["speech"] for clip in after.splits["train"]}
    assert abs(len(result[wav.stem]) - len(samples) / 2) <= 1


@pytest.mark.parametrize(
    ("labels", "classes"), [("emotion", (0, 1, 2, 5)), ("emotion7", (0, 0, 1, 4)), ("intensity", (0, 1, 1, 0))]
)
def test_labels(ravdess_raw, place, labels, classes):
    corpus = load(ravdess_raw, place, labels=labels)
    result = {clip.id: int(clip.targets[labels][0]) for clip in corpus.splits["train"]}
    ids = ("03-01-01-01-01-01-02", "03-01-02-02-01-01-02", "03-01-03-02-01-01-02", "03-01-06-01-01-01-02")
    assert tuple(result[i] for i in ids) == classes
    assert set(result.values()) == set(range(len(corpus.labels)))


def test_labels_have_the_release_s_names():
    for numbers, names in ravdess.LABELS.values():
        assert sorted(set(numbers)) == list(range(len(names)))
    numbers, names = ravdess.LABELS["emotion7"]
    for number, emotion in zip(numbers, release.EMOTIONS, strict=True):
        assert names[number] == ("neutral" if emotion == "calm" else emotion)


def test_folds_part_the_actors(ravdess_raw, tmp_path):
    corpus = load(ravdess_raw, tmp_path)
    group = {clip.id: int(clip.group[-2:]) for clip in corpus.splits["train"]}
    expected = actors.make_folds(set(group.values()))
    assert corpus.folds.keys() == expected.keys()
    for name, fold in corpus.folds.items():
        for ids, side in zip((fold.validation, fold.test), expected[name], strict=True):
            assert set(ids) == {i for i, actor in group.items() if actor in side}
            assert len(ids) == 15 * len(side)


def silence(path):
    samples, rate = soundfile.read(path)
    soundfile.write(path, 0 * samples, rate)


def no_samples(path):
    soundfile.write(path, np.zeros(0), 8000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (silence, "05.wav is silent throughout"),
        (no_samples, "05.wav has no samples"),
        (lambda path: path.write_text("not audio at all"), "05.wav cannot be read as audio"),
        (lambda path: path.write_bytes(b""), "05.wav is empty"),
        (lambda path: path.unlink(), "is missing"),
    ],
)
def test_damaged_clips(ravdess_copy, tmp_path, change, message):
    change(ravdess_copy / CLIP)
    with pytest.raises(UserError, match=message):
        load(ravdess_copy, tmp_path)
    assert not list((tmp_path / "data").rglob("dataset_info.json")), "nothing is left half built"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"labels": "emotions"},
            r"labels is 'emotions' \(did you mean 'emotion'\?\); choose emotion, emotion7, intens",
        ),
        ({"modalities": ("speech", "face")}, "with 'face'; choose speech, mfcc, log_mel, action_units, audio, video"),
        ({"modalities": ("speech", "video")}, "so set config.corpus.video_features to an extractor"),
        ({"modalities": ()}, r"modalities is \(\); name one or more of"),
        ({"modalities": ("speech", "speech")}, "each once"),
        ({"rate": 0}, "rate is 0; set it to 1000 to 192000"),
        ({"rate": 4000, "modalities": ("mfcc",)}, "MFCC need at least"),
        ({"manual_dir": "/nowhere"}, "/nowhere is not a folder; give the folder that holds Actor_01"),
        ({"synthetic": {"actors": 2}}, "synthetic.actors is 2; set it to 3 to 24"),
    ],
)
def test_refused_settings(ravdess_raw, tmp_path, settings, message):
    folder = {} if "synthetic" in settings else {"manual_dir": str(ravdess_raw)}
    with pytest.raises(UserError, match=message):
        ravdess.load({**folder, "data_dir": str(tmp_path), **settings})


def test_action_units_only_where_asked_for(ravdess_copy, tmp_path):
    (ravdess_copy / release.ACTION_UNITS_FILE).unlink()
    assert load(ravdess_copy, tmp_path).splits["train"]
    with pytest.raises(UserError, match="action_units_mean.csv is missing"):
        load(ravdess_copy, tmp_path, modalities=("mfcc", "action_units"))


def test_built_again_when_a_file_changed(ravdess_copy, tmp_path):
    before = load(ravdess_copy, tmp_path).fingerprint
    shutil.copy(ravdess_copy / "Actor_05/03-01-06-02-01-01-05.wav", ravdess_copy / CLIP)
    assert load(ravdess_copy, tmp_path).fingerprint != before


def test_damaged_marker(ravdess_copy, tmp_path):
    (ravdess_copy / MARKER).write_text('{"corpus": "ravdess", "sizes": {"actors": [1]}}')
    with pytest.raises(UserError, match="the sizes in .*synthetic.json are not what the generator writes"):
        load(ravdess_copy, tmp_path)


def test_a_few_clips_of_the_release(shared_data):
    folder = shared_data / "ravdess"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    files, synthetic = builder.find_clips_and_kind(folder)
    assert not synthetic
    for clip in (release.Clip(1, 1, 1, 1, 1), release.Clip(5, 2, 2, 1, 24)):
        speech = builder.read_speech(files[clip], 8000)
        assert 2.9 < len(speech) / 8000 < 5.3
        assert speech.dtype == np.float32
