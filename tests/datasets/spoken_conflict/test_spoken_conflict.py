"""Clips whose conflict is heard or said: the reader gives what was planted, each modality knows its own kind alone."""

import csv

import numpy as np
import pytest

from affect_jax.datasets import spoken_conflict
from affect_jax.datasets.manifest.extract_columns import extract_features
from affect_jax.datasets.spoken_conflict import synthetic
from affect_jax.errors import UserError
from configs import conflictnet_words

SMALL = dict(train=24, validation=2, test=4, seconds=2, seed=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "twin"
    spoken_conflict.synthesize(folder, **SMALL)
    return folder


@pytest.fixture(scope="module")
def planted(place):
    """Id -> (kind, number of tenths with conflict)."""
    rows = csv.DictReader((place / "planted.csv").read_text().splitlines())
    return {row["id"]: (row["kind"], len(row["tenths"].split())) for row in rows}


def test_the_reader_gives_what_was_planted(planted, tmp_path):
    corpus = spoken_conflict.load({"data_dir": str(tmp_path), "synthetic": SMALL})
    assert corpus.synthetic
    assert {split: len(of) for split, of in corpus.splits.items()} == {"train": 24, "validation": 2, "test": 4}
    for recordings in corpus.splits.values():
        kinds = [planted[recording.id][0] for recording in recordings]
        assert kinds.count("heated") == kinds.count("polite")
        for recording in recordings:
            assert recording.targets["conflict"] == pytest.approx(2 * planted[recording.id][1] - 10)
            assert recording.features["voice"].shape == (2 * synthetic.RATE,)
            assert recording.features["words"].shape[1] == synthetic.WIDTH
    groups = [{r.group for r in of} for of in corpus.splits.values()]
    assert sum(map(len, groups)) == len(set().union(*groups)), "no debate is in two splits"


def test_words_tell_the_level_of_polite_clips_alone_and_sound_that_of_heated_ones(place, planted):
    import soundfile

    told, heard, levels, kinds = [], [], [], []
    rows = csv.DictReader((place / "transcripts.csv").read_text().splitlines())
    for row in rows:
        words = row["transcript"].split()
        told.append(sum(word in synthetic._MEANINGS["dissent"] for word in words))
        power = np.square(soundfile.read(place / row["voice"])[0]).reshape(40, -1).mean(axis=1)
        heard.append(np.mean(power > 0.1 * power.max()))  # raised voices make fewer pauses
        levels.append(float(row["label:conflict"]))
        kinds.append(planted[row["id"]][0])
    told, heard, levels, polite = map(np.array, (told, heard, levels, [kind == "polite" for kind in kinds]))
    np.testing.assert_array_equal(told, np.where(polite, levels / 2 + 5, 0))
    told_by_sound = [np.corrcoef(heard[of], levels[of])[0, 1] for of in (~polite, polite)]
    assert told_by_sound[0] > max(0.4, told_by_sound[1] + 0.3)


def test_transcripts_and_their_vectors_give_the_same_words(place, tmp_path):
    features = f"words=transcript:glove:{place / 'vectors.txt'}"
    assert list(extract_features(place / "transcripts.csv", features, tmp_path))[-1].startswith("written")
    rows = list(csv.DictReader((tmp_path / "manifest.csv").read_text().splitlines()))
    assert rows[0]["voice"].endswith(".wav"), "recordings stay as they are"
    for row in rows[:3]:
        again = dict(np.load(tmp_path / row["words"])) if row["words"].endswith("npz") else None
        values = np.load(tmp_path / row["words"]) if again is None else again[max(again, key=lambda k: again[k].size)]
        np.testing.assert_array_equal(values, np.load(place / "words" / f"{row['id']}.npy"))


def test_the_config_takes_the_corpus_as_it_is():
    config = conflictnet_words.get_config()
    assert config.corpus.synthetic.to_dict() == spoken_conflict.DEFAULTS["synthetic"]
    assert config.model.modalities == config.data.modalities == spoken_conflict.MODALITIES


@pytest.mark.parametrize("size", [dict(seconds=1), dict(test=1)])
def test_refuses_sizes(size, tmp_path):
    with pytest.raises(UserError, match="give at least 2 clips in each split, and clips of at least 2 s"):
        spoken_conflict.synthesize(tmp_path / "a", **size)
    assert not (tmp_path / "a").exists()
