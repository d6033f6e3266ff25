"""Every corpus reader against damaged files: refused with a UserError, or loaded as if nothing had happened.

`AFFECT_JAX_FUZZ=1000 pytest tests/datasets/test_fuzz.py` draws 1000 damages a corpus, other ones each time; without it
there are few, the same on every run. What may load with another value is said in `fuzzing`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
from hypothesis import given, note
from hypothesis import strategies as st

from affect_jax.convert import folder
from affect_jax.datasets import cmu_mosi, iemocap, manifest, ravdess, recola, sspnet_conflict
from affect_jax.errors import UserError
from affect_jax.features import sound_files
from tests.datasets import fuzzing
from tests.datasets.fuzzing import few
from tests.datasets.recola import native_files

SPEECH = {"actors": 5, "statements": 1, "repetitions": 1, "rate": 8000}
RECOLA = {"recordings": 1, "frames": 8, "audio": 2, "video_geometric": 3, "video_appearance": 2}
MOSI = {"train_videos": 7, "test_videos": 2, "text": 3, "audio": 2, "video": 2}
IEMOCAP = {"sessions": 3, "utterances": 12, "text": 6, "video": 6, "audio": 8, "width": 3}


class Case(NamedTuple):
    """A corpus: how to make it and load it, its files that are read, how many damages are drawn of them."""

    make: Callable[[Path], None]
    corpus: object
    settings: dict
    files: tuple[str, ...]
    examples: int
    free: tuple[tuple[str, str], ...] = ()
    """(part of a file's name, modality that nothing but the file tells)."""


CASES = {
    "recola": Case(
        lambda folder: recola.synthesize(folder, **RECOLA),
        recola,
        {"target": "arousal"},
        ("features_*/arousal/*.arff", "ratings_gold_standard/arousal/*.arff", "synthetic.json"),
        30,
    ),
    # Who is in which part nothing but the user's partition.csv says.
    "recola native": Case(
        lambda folder: native_files.write(folder, frames=8),
        recola,
        {"target": "arousal", "form": "native"},
        ("RECOLA-*-features/*.arff", "RECOLA-Annotation/*/*/*.csv"),
        30,
    ),
    "cmu_mosi": Case(
        lambda folder: cmu_mosi.synthesize(folder, **MOSI),
        cmu_mosi,
        {"labels": "sentiment"},
        ("transcripts.csv", "mosi_labels.csv", "text_*.csv", "*/*.csv", "synthetic.json"),
        30,
    ),
    "sspnet_conflict": Case(
        lambda folder: sspnet_conflict.synthesize(folder, train=3, validation=2, test=2, seconds=2),
        sspnet_conflict,
        {"rate": 48000},
        ("conflictlevel.csv", "partition.csv", "audiodata/*.wav", "synthetic.json"),
        30,
    ),
    "ravdess": Case(
        lambda folder: ravdess.synthesize(folder, **SPEECH),
        ravdess,
        {"modalities": ("speech", "action_units")},
        ("action_units_mean.csv", "Actor_*/*.wav", "synthetic.json"),
        30,
    ),
    "iemocap release": Case(
        lambda folder: iemocap.synthesize(folder, form="release", **IEMOCAP),
        iemocap,
        {"form": "release", "modalities": ("text", "video")},
        (
            "Session*/dialog/EmoEvaluation/Ses*.txt",
            "Session*/dialog/transcriptions/Ses*.txt",
            "glove.txt",
            "video_features/*.npy",
            "synthetic.json",
        ),
        30,
        (("transcriptions", "text"), ("glove", "text"), (".npy", "video")),
    ),
    "iemocap precomputed": Case(
        lambda folder: iemocap.synthesize(folder, form="precomputed", **IEMOCAP),
        iemocap,
        {"form": "precomputed"},
        (
            "seven_category_120/folds/fold01/*.npy",
            "seven_category_120/folds/*/*_seqN.npy",
            "seven_category_120/folds/*/*_label.npy",
            "seven_category_120/folds/*/*.npy",
            "synthetic.json",
        ),
        30,
        (("nlp_trans", "text"), ("W_embedding", "text"), ("prosody", "prosody")),
    ),
    # Its csv file is fuzzed in manifest/test_csv_fuzz.py.
    "manifest": Case(
        lambda folder: manifest.synthesize(folder, speakers=5, items=3),
        manifest,
        {"sound": "waveform", "rate": 16000},
        ("face/*.npy", "words/*.csv", "voice/*.wav"),
        30,
        (("face", "face"), ("words", "words")),
    ),
}


class Made(NamedTuple):
    """A corpus on disk, and loaded."""

    case: Case
    folder: Path
    files: tuple[tuple[Path, ...], ...]
    load: Callable[[], object]
    whole: object


@pytest.fixture(scope="module", params=CASES)
def generated_corpus(request, tmp_path_factory):
    case, place = CASES[request.param], tmp_path_factory.mktemp("fuzz")
    folder = place / "corpus"
    case.make(folder)
    listed = case.corpus is manifest
    where = {"manifest": str(folder / "manifest.csv")} if listed else {"manual_dir": str(folder)}
    corpus = {**where, "data_dir": str(place / "data"), **case.settings}
    with pytest.MonkeyPatch.context() as patch:
        fuzzing.patch_builds(patch)
        files = tuple(tuple(sorted(folder.glob(pattern))) for pattern in case.files)
        yield Made(case, folder, files, lambda: case.corpus.load(corpus), case.corpus.load(corpus))


def test_damaged_files_are_refused_or_do_no_harm(generated_corpus):
    @few(generated_corpus.case.examples)
    @given(st.data())
    def read_damaged(data):
        path = data.draw(st.sampled_from(generated_corpus.files).flatmap(st.sampled_from), label="file")
        damage = data.draw(fuzzing.damage(path))
        note(f"{damage.kind} of {path.relative_to(generated_corpus.folder)}")
        undo = fuzzing.apply_damage(damage, path)
        try:
            loaded = generated_corpus.load()
        except UserError as error:
            for line in str(error).split("\n") if generated_corpus.case.corpus is manifest else [str(error)]:
                fuzzing.check_message(line, damage.kind, path, generated_corpus.folder)
        else:
            free = next(
                (m for word, m in generated_corpus.case.free if word in str(path.relative_to(generated_corpus.folder))),
                None,
            )
            fuzzing.check_loaded(generated_corpus.whole, loaded, damage, free)
        finally:
            undo()

    read_damaged()


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_damaged_sound(tmp_path_factory, suffix):
    """Whatever the damage: the same samples at the same rate, one sample apart, or a UserError."""
    path = tmp_path_factory.mktemp("fuzz") / f"a{suffix}"
    soundfile.write(path, np.sin(np.arange(500) / 7) / 2, 8000, subtype="PCM_16")
    before = sound_files.decode_audio(path)

    @few(80)
    @given(st.data())
    def read_damaged(data):
        damage = data.draw(fuzzing.damage(path))
        undo = fuzzing.apply_damage(damage, path)
        try:
            after = sound_files.decode_audio(path)
        except UserError as error:
            fuzzing.check_message(str(error), damage.kind, path, path.parent)
        else:
            assert after.rate == before.rate
            assert (after.samples != before.samples).sum() <= damage.reach[0]
        finally:
            undo()

    read_damaged()


def test_damaged_npz(tmp_path_factory):
    """A zip file has checksums: the same arrays or a UserError. A damaged list of contents may hide an array, which
    `folder.read` then misses.
    """
    path = tmp_path_factory.mktemp("fuzz") / "params.npz"
    np.savez(path, **{"params/dense/kernel": np.arange(6.0).reshape(2, 3), "params/dense/bias": np.zeros(3)})
    before = folder.read_arrays(path)

    @few(80)
    @given(st.data())
    def read_damaged(data):
        damage = data.draw(fuzzing.damage(path))
        undo = fuzzing.apply_damage(damage, path)
        try:
            after = folder.read_arrays(path)
        except UserError as error:
            fuzzing.check_message(str(error), damage.kind, path, path.parent)
        else:
            assert after.keys() <= before.keys()
            for name, now in after.items():
                np.testing.assert_array_equal(now, before[name])
        finally:
            undo()

    read_damaged()
