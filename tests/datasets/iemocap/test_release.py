import shutil

import numpy as np
import pytest
import soundfile

from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.datasets import iemocap
from affect_jax.datasets.iemocap import release, render, synthetic
from affect_jax.datasets.iemocap.emotions import COUNTS, LEFT_OUT
from affect_jax.datasets.iemocap.planted_emotions import draw_utterances
from affect_jax.errors import UserError
from affect_jax.features import audio, text
from tests.datasets.iemocap.conftest import SMALL

ONE = "Ses02F_impro01_M001"  # an utterance of a man in a dialog in which the woman wore the markers
WAV = f"Session2/sentences/wav/Ses02F_impro01/{ONE}.wav"
EMOTIONS = "Session2/dialog/EmoEvaluation/Ses02F_impro01.txt"
TRANSCRIPTS = "Session2/dialog/transcriptions/Ses02F_impro01.txt"


def test_reads_what_the_generator_wrote(release_raw, read):
    found = read(release_raw, "release", "text", "video", "audio")
    written = draw_utterances(SMALL["sessions"], SMALL["utterances"], SMALL["seed"])
    assert [recording.id for recording in found.splits["train"]] == [u.id for u in written]
    assert (found.form, found.synthetic) == ("release text+video+audio", True)
    assert found.labels == ("angry", "excited", "happy", "sad", "frustrated", "surprise", "neutral")
    parameters = {**SMALL, "form": "release"}
    vectors = render.make_word_vectors(SMALL["seed"], 300)
    vectors[render.UNKNOWN_WORD] = np.zeros(300, np.float32)
    for number, (utterance, recording) in enumerate(zip(written, found.splits["train"], strict=True)):
        assert recording.group == utterance.speaker == f"{recording.id[:5]}{recording.id[-4]}"
        assert recording.targets["emotion7"].tolist() == [list(COUNTS).index(utterance.code)]
        video = synthetic.make_video(utterance, number, parameters).astype(np.float32)
        np.testing.assert_array_equal(recording.features["video"], video)
        words = [vectors[word] for word in synthetic.make_words(utterance, number, parameters)]
        np.testing.assert_array_equal(recording.features["text"][:-1], words)  # and a full stop
        sound = synthetic.make_sound(utterance, number, parameters)
        if number < 3:
            np.testing.assert_array_equal(recording.features["audio"], audio.mfcc(sound, 16000))
        assert recording.features["audio"].shape == (1 + len(sound) // 160, 120)


def test_folds_leave_one_session_out(release_raw, read):
    found = read(release_raw, "release", "video")
    group = {recording.id: recording.group for recording in found.splits["train"]}
    assert list(found.folds) == ["session1", "session2", "session3"]
    for k, fold in enumerate(found.folds.values(), start=1):
        assert {group[i] for i in fold.test} == {f"Ses0{k}F", f"Ses0{k}M"}
        assert {group[i] for i in fold.validation} == {f"Ses0{k % 3 + 1}F", f"Ses0{k % 3 + 1}M"}
        assert len(fold.test) == len(fold.validation) == 24


def test_no_speaker_is_on_two_sides(release_raw, read):
    """The corpus' folds pass the guard of `data.folds`; one made by hand in which a speaker is on two does not."""
    found = read(release_raw, "release", "video")
    recordings = found.splits["train"]
    corpus, index = corpora.build_corpus(recordings, modalities=("video",), target="emotion7", unit="item")
    ids = [recording.id for recording in recordings]

    def build(validation, test):
        train = tuple(i for i in ids if i not in {*validation, *test})
        return folding.build_folds(corpus, index, [folding.FoldMembers("a", train, validation, test)], {"video": True})

    for fold in found.folds.values():
        build(fold.validation, fold.test)
    first = found.folds["session1"]
    for validation, test in ((first.validation[1:], first.test), (first.validation, first.test[1:])):
        with pytest.raises(UserError, match=r"fold 'a' has group 'Ses0[12][FM]' in both training and"):
            build(validation, test)


@pytest.mark.parametrize("labels", ["emotion6", "emotion4"])
def test_fewer_classes(release_raw, read, labels):
    seven = {r.id: int(r.targets["emotion7"][0]) for r in read(release_raw, "release", "video").splits["train"]}
    found = read(release_raw, "release", "video", labels=labels)
    codes = list(COUNTS)
    kept = {r.id: iemocap.LABELS[labels].names[int(r.targets[labels][0])] for r in found.splits["train"]}
    expected = {i: iemocap.LABELS[labels].find_class(codes[n]) for i, n in seven.items()}
    assert kept == {i: found.labels[n] for i, n in expected.items() if n is not None}
    assert {i for fold in found.folds.values() for i in fold.test} == set(kept)


def test_inside_another_folder_and_features_elsewhere(release_copy, read, tmp_path):
    before = read(release_copy, "release", "text", "video")
    inner = release_copy / "IEMOCAP_full_release"
    inner.mkdir()
    for path in release_copy.glob("Session*"):
        path.rename(inner / path.name)
    glove = (release_copy / "glove.txt").rename(tmp_path / "vectors.txt")
    video = (release_copy / "video_features").rename(tmp_path / "video")
    outside = {"glove": str(glove), "video_features": str(video)}
    assert read(release_copy, "release", "text", "video", **outside).fingerprint == before.fingerprint
    with glove.open("a") as file:
        file.write(f"{render.UNKNOWN_WORD}{' 1.0' * 300}\n")
    changed = read(release_copy, "release", "text", "video", **outside)
    assert changed.fingerprint != before.fingerprint, "made again"
    assert min(np.abs(r.features["text"]).max(axis=1).min() for r in changed.splits["train"]) > 0


def test_says_what_is_left_out_and_unknown(release_raw, tmp_path):
    settings = {"form": "release", "modalities": ("text",), "labels": "emotion4"}
    notes = iemocap.list_remarks({"manual_dir": str(release_raw), "data_dir": str(tmp_path), **settings})
    assert notes[0] == "6 of 78 utterances have another emotion (fea, dis, oth, xxx): left out"
    assert notes[1].endswith("have no vector in glove.txt: zeros; most often um")
    assert notes[2] == "IEMOCAP has 5531 utterances of emotion4: angry 1103, happy 1636, sad 1084, neutral 1708"


def edit(old, new):
    def damage(path):
        data = path.read_bytes()
        assert old.encode() in data
        path.write_bytes(data.replace(old.encode(), new.encode(), 1))

    return damage


def drop_line(start):
    def damage(path):
        lines = path.read_bytes().split(b"\n")
        path.write_bytes(b"\n".join(line for line in lines if not line.startswith(start.encode())))

    return damage


def short(path):
    soundfile.write(path, np.zeros(399, np.int16), 16000)


def label(code):
    """Gives the first utterance of the dialog another code."""

    def damage(path):
        lines = path.read_text("latin-1").split("\n")
        at = next(i for i, line in enumerate(lines) if line.startswith("[") and ONE in line)
        fields = lines[at].split("\t")
        lines[at] = "\t".join([*fields[:2], code, *fields[3:]])
        path.write_text("\n".join(lines), "latin-1")

    return damage


def twice(path):
    line = next(x for x in path.read_text("latin-1").split("\n") if ONE in x)
    with path.open("a", encoding="latin-1") as file:
        file.write(line.replace("]: ", "]: Well ") + "\n")


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        (WAV, lambda p: p.unlink(), f"{ONE} has a label but no sound: .*{ONE}.wav is missing"),
        (WAV, lambda p: p.write_bytes(p.read_bytes()[:-100]), f"{ONE}.wav is cut short: 100 bytes"),
        (WAV, lambda p: p.write_bytes(b"hello"), f"{ONE}.wav cannot be read as audio"),
        (WAV, short, f"{ONE}.wav is too short: MFCC need at least 25 ms"),
        (EMOTIONS, label("joy"), f"txt line .* labels {ONE} 'joy', expected one of ang, exc, .*, xxx"),
        (EMOTIONS, label("xxx"), "utterances of '...', expected"),
        (EMOTIONS, twice, f"a second time|{ONE} a second time"),
        (EMOTIONS, edit("[1.0000 - 2.0000]\t", "[1.0000 - 2.0"), "is cut short or damaged"),
        (EMOTIONS, edit(ONE, "Ses03F_impro01_M001"), "names Ses03F_impro01_M001, which does not belong to session 2"),
        (EMOTIONS, edit(ONE, "hello"), "names an utterance 'hello', expected a name like"),
        (TRANSCRIPTS, drop_line(ONE), rf"{ONE} has a label but no transcript in .*Ses02F_impro01.txt \(1 of 72"),
        (TRANSCRIPTS, twice, f"has {ONE} a second time with other words"),
        (TRANSCRIPTS, lambda p: p.unlink(), "has a label but no transcript"),
        ("Session3/dialog/transcriptions", shutil.rmtree, "transcriptions is missing, expected 3 sessions"),
        ("Session3", shutil.rmtree, "Session3/dialog/EmoEvaluation is missing, expected 3 sessions"),
        ("glove.txt", lambda p: p.unlink(), r"glove.txt is missing .*; set config.corpus.glove to a GloVe file of 300"),
        ("glove.txt", edit("\nenough ", "\nenough 0.1 0.2 "), "glove.txt line 2 has 302 numbers, expected a word and"),
        (f"video_features/{ONE}.npy", lambda p: p.unlink(), f"{ONE} has a label but no video features"),
        (f"video_features/{ONE}.npy", lambda p: np.save(p, np.ones((4, 5))), r"has the shape \[4, 5\], expected"),
        (f"video_features/{ONE}.npy", lambda p: np.save(p, np.ones(3)), r"has the shape \[3\], expected \[any, 3\]"),
        (f"video_features/{ONE}.npy", lambda p: np.save(p, np.full((2, 3), np.nan)), "6 NaN or infinite values"),
        (f"video_features/{ONE}.npy", lambda p: np.save(p, np.ones((2, 3)).astype(object)), "holds pickled objects"),
        (f"video_features/{ONE}.npy", lambda p: np.save(p, np.ones((0, 3))), f"{ONE}.npy .*(zero length|not a whole)"),
    ],
)
def test_damaged_files(release_copy, read, name, damage, message):
    damage(release_copy / name)
    modality = {"wav": "audio", "npy": "video"}.get(name[-3:], "text")
    with pytest.raises(UserError, match=message) as caught:
        read(release_copy, "release", modality)
    assert "\n" not in str(caught.value)


def test_an_empty_transcript(release_copy, read):
    path = release_copy / TRANSCRIPTS
    lines = path.read_text("latin-1").split("\n")
    path.write_text("\n".join(x.partition("]: ")[0] + "]: " if ONE in x else x for x in lines), "latin-1")
    with pytest.raises(UserError, match=rf"the transcript of {ONE} has no words \(zero length\)"):
        read(release_copy, "release", "text")


def test_files_with_nothing_of_what_is_wanted(release_copy, read):
    path = release_copy / "glove.txt"
    before = path.read_bytes()
    path.write_bytes(b"".join(b"x" + line for line in before.splitlines(keepends=True)))
    with pytest.raises(UserError, match=r"glove.txt has none of the \d+ words of the transcripts"):
        read(release_copy, "release", "text")
    path.write_bytes(b"\xef\xbb\xbf" + before)
    assert read(release_copy, "release", "text").splits["train"]
    path = sorted((release_copy / "Session1/dialog/EmoEvaluation").glob("Ses*.txt"))[0]
    path.write_bytes(path.read_bytes().decode("latin-1").encode("utf-16"))
    with pytest.raises(UserError, match=f"{path.name} has no line that labels an utterance"):
        read(release_copy, "release", "video")


def test_only_what_is_asked_for_must_be_there(release_copy, read):
    for name in ("glove.txt", WAV):
        (release_copy / name).unlink()
    assert read(release_copy, "release", "video").splits["train"]


def test_the_real_release_must_be_whole(release_copy, read):
    (release_copy / "synthetic.json").unlink()
    with pytest.raises(UserError, match="Session4/dialog/EmoEvaluation is missing, expected 5 sessions"):
        read(release_copy, "release", "text")
    for number in (4, 5):
        for name in release.FOLDERS:
            (release_copy / f"Session{number}" / name).mkdir(parents=True)
    with pytest.raises(UserError, match=r"has 12 utterances of 'ang', expected 1103 \(and 72 in all, expected 7487\)"):
        read(release_copy, "release", "text")


def test_codes_that_are_left_out_are_read(release_raw):
    found = release.read_emotions(release.find_sessions(release_raw, 3))
    assert {u.code for u in found} == {*COUNTS, *LEFT_OUT}
    said = release.read_transcripts(release.find_sessions(release_raw, 3), [ONE])[ONE]
    assert text.tokens(said)[-1] == "."
