import shutil

import numpy as np
import pytest

from affect_jax.datasets.iemocap import precomputed, render, synthetic
from affect_jax.datasets.iemocap.emotions import COUNTS
from affect_jax.datasets.iemocap.planted_emotions import draw_utterances
from affect_jax.errors import UserError
from tests.datasets.iemocap.conftest import SMALL

ALL = ("text", "video", "audio", "prosody")


def fold(folder, number=1):
    return folder / "seven_category_120" / "folds" / f"fold{number:02d}"


def change(path, function):
    values = np.load(path, allow_pickle=False)
    np.save(path, function(values))


def put(value, *at):
    def function(values):
        values[at] = value
        return values

    return function


def test_reads_what_the_generator_wrote(amh_raw, read):
    """The reader knows no names: utterances are found again by their video."""
    found = read(amh_raw, "precomputed", *ALL)
    assert (found.corpus, found.form, found.synthetic) == ("iemocap", "precomputed text+video+audio+prosody", True)
    assert list(found.folds) == ["fold01", "fold02", "fold03"]
    by_video = {recording.features["video"].tobytes(): recording for recording in found.splits["train"]}
    parameters = {**SMALL, "form": "precomputed"}
    vectors = render.make_word_vectors(SMALL["seed"], 300)
    numbers = {code: number for number, code in enumerate(COUNTS)}
    written = draw_utterances(SMALL["sessions"], SMALL["utterances"], SMALL["seed"])
    for number, utterance in enumerate(written):
        video = synthetic.make_video(utterance, number, parameters).astype(np.float16).astype(np.float32)
        recording = by_video.pop(video.tobytes(), None)
        if number % synthetic.FACELESS == synthetic.FACELESS - 1:
            assert recording is None, "no video"
            continue
        assert recording.steps == (recording.id,) == (recording.group,)
        assert recording.targets["emotion7"].tolist() == [numbers[utterance.code]]
        words = [vectors[word] for word in synthetic.make_words(utterance, number, parameters)]
        np.testing.assert_array_equal(recording.features["text"], words)
        assert {m: x.shape[1] for m, x in recording.features.items()} == dict(text=300, video=3, audio=120, prosody=35)
        assert len(recording.features["prosody"]) == 1
        assert all(x.dtype == np.float32 and len(x) for x in recording.features.values())
        for k, sides in enumerate(found.folds.values(), start=1):
            assert (recording.id in sides.test) is (utterance.session == k)
            assert (recording.id in sides.validation) is (utterance.session == k % 3 + 1)
    assert not by_video


def test_the_order_of_rows_and_the_number_of_a_label_do_not_matter(amh_copy, read):
    before = read(amh_copy, "precomputed", "video")
    for number in (1, 2, 3):
        for part in precomputed.SPLITS:
            change(fold(amh_copy, number) / f"{part}_label.npy", lambda x: (x + 3) % 7)
            for kind in precomputed.KINDS if number > 1 else ():
                change(fold(amh_copy, number) / f"{part}_{kind}.npy", lambda x: x[::-1])
    after = read(amh_copy, "precomputed", "video")
    assert after.fingerprint == before.fingerprint


@pytest.mark.parametrize("inside", ["", "seven_category_120", "seven_category_120/folds"])
def test_folder_at_any_height_and_one_vocabulary_for_all(amh_copy, inside):
    sizes = precomputed.RELEASE._replace(folds=3, video=3)
    for number in (1, 2, 3):
        vocabulary = fold(amh_copy, number) / precomputed.VOCABULARY
        shutil.move(vocabulary, vocabulary.parent.parent / vocabulary.name)
    places = precomputed.find_folds(amh_copy / inside, sizes)
    assert places == [fold(amh_copy, number) for number in (1, 2, 3)]
    path, table = precomputed.open_vocabulary(places[1])
    assert path.parent.name == "folds"
    assert table.shape == (1 + len(render.VOCABULARY), 300)
    assert not table.flags.writeable, "mapped, not read"


def test_a_length_beyond_the_array_is_the_array_s(amh_copy):
    path = fold(amh_copy) / "train_audio_seqN.npy"
    change(path, put(5000, 0))
    part = precomputed.open_fold(fold(amh_copy), precomputed.RELEASE._replace(video=3))["train"]
    assert len(precomputed.read_features(part, 0, "audio", None)) == SMALL["audio"]


def copy_row(path):
    """The first training utterance's sound and video also at the end of the test part."""
    for kind in ("audio_mfcc", "audio_seqN", "video", "video_seqN"):
        first = np.load(path / f"train_{kind}.npy")[:1]
        change(path / f"test_{kind}.npy", lambda x, first=first: np.concatenate([x[:-1], first]))


def nan_label(path):
    change(path, lambda x: np.where(np.arange(len(x)) == 2, np.nan, x.astype(float)))


def pickled(path):
    np.save(path, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


F = "seven_category_120/folds/"


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("fold02/dev_video.npy", lambda p: p.unlink(), "fold02/dev_video.npy is missing"),
        ("fold03", shutil.rmtree, "fold03 is missing, expected 3 folds"),
        ("fold01/W_embedding.npy", lambda p: p.unlink(), "fold01/W_embedding.npy is missing"),
        ("fold02/test_label.npy", lambda p: change(p, lambda x: x[1:]), "rows but .*test_label.npy has"),
        ("fold01/train_audio_mfcc.npy", pickled, "train_audio_mfcc.npy holds pickled objects, which could run code"),
        ("fold01/train_video.npy", lambda p: p.write_bytes(b"\x80\x04N."), "train_video.npy holds pickled objects"),
        ("fold01/train_video.npy", cut, "train_video.npy is not a whole npy"),
        ("fold01/train_video.npy", lambda p: p.write_bytes(b""), "train_video.npy is not a whole npy"),
        (
            "fold01/dev_audio_mfcc.npy",
            lambda p: change(p, lambda x: x[:, :, :39]),
            r"dev_audio_mfcc.npy has the shape \[\d+, 8, 39\], expected \[any, any, 120\]",
        ),
        ("fold03/train_video.npy", lambda p: change(p, lambda x: x[:, :, :2]), r"expected \[any, any, 3\]"),
        ("fold01/train_audio_prosody.npy", lambda p: change(p, lambda x: x[:, :34]), r"expected \[any, 35\]"),
        ("fold01/W_embedding.npy", lambda p: change(p, lambda x: x[:, :100]), r"expected \[any, 300\]"),
        ("fold01/train_video_seqN.npy", lambda p: change(p, put(-1, 0)), "has the value -1, expected whole numbers"),
        ("fold01/train_label.npy", nan_label, "train_label.npy has the value nan, expected whole numbers"),
        ("fold01/train_label.npy", lambda p: change(p, lambda x: x.astype(str)), "is an array of <U21, expected num"),
        ("fold01/train_label.npy", lambda p: change(p, put(6, slice(3))), "expected 72, .* in any order"),
        ("fold02/train_label.npy", lambda p: change(p, lambda x: 6 - x), "the same utterance, is"),
        (
            "fold01/train_nlp_trans.npy",
            lambda p: change(p, put(999, 4, 0)),
            r"train_nlp_trans.npy row 4 \(from 0\) has the word number 999, but .*W_embedding.npy has 47 words, 0 to",
        ),
        ("fold01/train_nlp_trans.npy", lambda p: change(p, put(-1, 4, 0)), "has the value -1"),
        ("fold01/train_nlp_trans.npy", lambda p: change(p, put(0, 4)), "row 4 .* has no steps .zero length"),
        ("fold01/train_audio_seqN.npy", lambda p: change(p, put(1, 1)), "is not in .*fold02; each fold must hold the"),
        ("fold02/train_video.npy", lambda p: change(p, put(0.5, 0, 0)), "fold01/.* row .* is not in .*fold02"),
        ("fold01", copy_row, "test_\\*.npy row .* and .*train_\\*.npy row 0 .from 0. are the same utterance"),
        ("fold01/W_embedding.npy", lambda p: change(p, put(np.nan, 5, 7)), "NaN or infinite values, the first at step"),
    ],
)
def test_damaged_files(amh_copy, read, name, damage, message):
    damage(amh_copy / F / name)
    with pytest.raises(UserError, match=message) as caught:
        read(amh_copy, "precomputed", *ALL)
    assert "\n" not in str(caught.value)
    assert not list((amh_copy.parent / "data").rglob("dataset_info.json")), "nothing is left half built"


@pytest.mark.parametrize(
    ("kind", "function", "message"),
    [
        ("audio_mfcc", put(np.nan, 0, 1, 2), "train_audio_mfcc.npy row 0 .* the first at step 1 column 2"),
        ("video", put(np.inf, 0, 0, 1), "train_video.npy row 0 .* the first at step 0 column 1"),
        ("audio_prosody", put(np.nan, 0, 34), "train_audio_prosody.npy row 0 .* the first at step 0 column 34"),
    ],
)
def test_not_finite(amh_copy, kind, function, message):
    change(fold(amh_copy) / f"train_{kind}.npy", function)
    sizes = precomputed.RELEASE._replace(video=3)
    part = precomputed.open_fold(fold(amh_copy), sizes)["train"]
    with pytest.raises(UserError, match=message):
        precomputed.read_features(part, 0, {"audio_mfcc": "audio", "audio_prosody": "prosody"}.get(kind, kind), None)


def test_an_utterance_without_sound(amh_copy, read):
    for number in (1, 2, 3):
        for part in precomputed.SPLITS:
            # Padding is not looked at, so only the lengths change; identities then are of the video alone.
            change(fold(amh_copy, number) / f"{part}_audio_seqN.npy", lambda x: 0 * x)
    assert read(amh_copy, "precomputed", "text", "video").splits["train"]
    with pytest.raises(UserError, match="audio_mfcc.npy row .* has no steps .zero length"):
        read(amh_copy, "precomputed", "audio")


def test_the_real_folds_must_be_whole(amh_copy, read):
    (amh_copy / "synthetic.json").unlink()
    with pytest.raises(UserError, match="fold04 is missing, expected 5 folds"):
        read(amh_copy, "precomputed", "text")
    for number in (4, 5):
        shutil.copytree(fold(amh_copy), fold(amh_copy, number))
    with pytest.raises(UserError, match=r"expected \[any, any, 2048\]"):
        read(amh_copy, "precomputed", "text")
