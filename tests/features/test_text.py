import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.features import text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Excuse me.", "excuse me ."),
        ("I don't know, can't you?", "i do n't know , ca n't you ?"),
        ("It's what we\u2019ve [LAUGHTER] said!", "it 's what we 've laughter said !"),
        ("Yeah--um-hmm; 9 \u00e9t\u00e9s", "yeah um hmm 9 \u00e9t\u00e9s"),
        ("...", ". . ."),
        (" ", ""),
    ],
)
def test_tokens(said, words):
    assert text.split_words(said) == words.split()


def write(path, rows):
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_vectors_of_the_wanted_words(tmp_path):
    spaced = [". . . 0 0 0", "at name@domain.com 0 0 0"]  # two of glove.840B's words
    rows = ["the 1 2 3", *spaced, "n't -0.5 1e-3 2", "the 9 9 9", "\u00e9t\u00e9 4 5 6", "1 7 8 9"]
    path = write(tmp_path / "glove.txt", rows)
    found = text.read_glove(path, {"the", "n't", "\u00e9t\u00e9", "1", "at", "."}, 3)
    assert {word: x.tolist() for word, x in found.items()} == {
        "the": [1, 2, 3],
        "n't": [-0.5, pytest.approx(1e-3), 2],
        "\u00e9t\u00e9": [4, 5, 6],
        "1": [7, 8, 9],
    }
    assert all(x.dtype == np.float32 for x in found.values())
    looked = text.look_up_vectors(["1", "hmm", "the"], found, 3)
    assert looked.tolist() == [[7, 8, 9], [0, 0, 0], [1, 2, 3]]
    assert looked.dtype == np.float32
    assert text.look_up_vectors([], found, 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("cat 1 2", "line 2 has 2 numbers, expected a word and 3 numbers"),
        ("cat 1 2 3 4", "line 2 has 4 numbers, expected a word and 3 numbers"),
        ("400000 300", "line 2 has 1 numbers"),
        ("", "line 2 has 0 numbers"),
        ("cat 1 x 3", r"line 2 \('cat'\) is not a vector of numbers"),
        ("cat 1 nan 3", r"line 2 \('cat'\) has NaN or infinite numbers"),
    ],
)
def test_damaged_vectors(tmp_path, line, message):
    path = write(tmp_path / "glove.txt", ["the 1 2 3", line, "a 1 2 3"])
    with pytest.raises(UserError, match=message) as caught:
        text.read_glove(path, {"cat"}, 3)
    assert "\n" not in str(caught.value)


def test_no_file_of_vectors(tmp_path):
    with pytest.raises(UserError, match="glove.txt is not a file; name a GloVe file of 300 numbers a word"):
        text.read_glove(tmp_path / "glove.txt", {"a"}, 300)
