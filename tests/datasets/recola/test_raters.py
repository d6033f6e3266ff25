"""Single raters: their disagreement is a modality where it is asked for, and can be told from features."""

import numpy as np
import pytest

from affect_jax.datasets import recola
from affect_jax.errors import UserError
from tests.datasets.recola.native_files import BEHAVIOUR, put, ratings, write

RATINGS = "ratings_individual/arousal/train_1.csv"


def load(folder, tmp_path, **settings):
    settings = {"manual_dir": str(folder), "data_dir": str(tmp_path / "data"), "raters": True, **settings}
    return recola.load(settings)


def test_the_twin_s_raters_scatter_around_the_gold_standard(tmp_path):
    """And more where the features say so; the rest is what it is without raters."""
    sizes = dict(recordings=2, audio=30, video_geometric=4, video_appearance=4)
    corpus = recola.load({"data_dir": str(tmp_path), "raters": True, "synthetic": sizes})
    plain = recola.load({"data_dir": str(tmp_path), "synthetic": sizes})
    assert (corpus.form, plain.form) == ("arousal_raters", "arousal")
    train = corpus.splits["train"]
    for recording, other in zip(train, plain.splits["train"], strict=True):
        assert set(recording.features) - set(other.features) == {"disagreement"}
        np.testing.assert_array_equal(recording.features["audio"], other.features["audio"])
        np.testing.assert_array_equal(recording.targets["arousal"], other.targets["arousal"])
    assert all(not recording.features["disagreement"].any() for recording in corpus.splits["test"])
    spread = np.concatenate([r.features["disagreement"][:, 0] for r in train])
    audio = np.concatenate([r.features["audio"] for r in train])
    assert spread.min() > 0
    x = np.column_stack([audio, np.ones(len(audio))])
    told = x @ np.linalg.lstsq(x, np.log(spread), rcond=None)[0]
    assert np.corrcoef(told, np.log(spread))[0, 1] > 0.6


def test_the_owners_release_has_them_beside_the_gold_standard(tmp_path):
    write(tmp_path / "RECOLA")
    corpus = load(tmp_path / "RECOLA", tmp_path, form="native")
    second = corpus.splits["train"][1]
    np.testing.assert_allclose(
        second.features["disagreement"][:, 0], ratings(1).std(axis=1)[1:-1], rtol=1e-4, atol=1e-6
    )
    assert second.features["disagreement"].shape == (len(second.steps), 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda path: path.unlink(),
            "train_1.csv is missing .single ratings of recording train_1, which config.corpus.r",
        ),
        (lambda path: path.write_text("\n".join(path.read_text().splitlines()[:-1])), "has 19 rows, expected 20"),
        (lambda path: path.write_text("time;FM1\n0;1\n" * 20), "row"),
        (
            lambda path: path.write_text("time;FM1\n" + "".join(f"{n * 0.04:.2f};1\n" for n in range(20))),
            "has the ratings of one rater, who cannot disagree; copy the file of all",
        ),
    ],
)
def test_ratings_that_cannot_be_used(change, message, recola_copy, tmp_path):
    change(recola_copy / RATINGS)
    with pytest.raises(UserError, match=message):
        load(recola_copy, tmp_path)


def test_a_rater_without_a_number(tmp_path):
    write(tmp_path / "RECOLA")
    rows = "".join(f"{0.04 * n:.2f};{'nan' if n == 3 else n}\n" for n in range(50))
    put(tmp_path / "RECOLA" / BEHAVIOUR / "arousal" / "P16.csv", "time;FM1\n" + rows)
    with pytest.raises(UserError, match=r"P16.csv:5 has a rating that is not finite"):
        load(tmp_path / "RECOLA", tmp_path, form="native")
