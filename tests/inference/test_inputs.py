"""What an export says of files of features is what the model says that it was made of."""

import functools

import flax.linen as nn
import jax
import numpy as np
import pytest

from affect_jax.data import windows
from affect_jax.errors import UserError
from affect_jax.inference import deployment, long_inputs
from tests.inference import toys

SIZES = {"audio": (3, 6), "face": (2, None), "text": (4, 5)}


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    model = toys.deployed(toys.Item(), item=True, task="multiclass", **SIZES)
    return model, toys.open_export(model, tmp_path_factory.mktemp("several"))


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    model = toys.deployed(toys.Steps(), x=(3, 9))
    return model, toys.open_export(model, tmp_path_factory.mktemp("steps"))


def drawn(*shape, seed=0):
    return (3 * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def padded(x, length):
    return np.concatenate([x, np.zeros((length - len(x), x.shape[1]), np.float32)])


@pytest.mark.parametrize("length", [1, 4, 20])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv"])
def test_a_prediction_a_step(steps, tmp_path, suffix, length):
    model, found = steps
    x, path = drawn(length, 3), tmp_path / f"talk{suffix}"
    if suffix == ".csv":
        np.savetxt(path, x, delimiter=",", header="a,b,c", comments="", fmt="%.9g")
    elif suffix == ".npy":
        np.save(path, x)
    else:
        np.savez(path, whatever=x)
    ids, values = toys.predict_file(found, path)
    assert ids == tuple(f"talk@{t}" for t in range(length))
    np.testing.assert_allclose(values, toys.answer(model, x, np.ones(length, bool)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("length", [None, 9])
def test_a_step_of_several_modalities_is_answered_where_any_has_it(tmp_path, length):
    model = toys.deployed(toys.SeveralSteps(), face=(3, length), voice=(2, length))
    found, features = toys.open_export(model, tmp_path / "export"), {"face": drawn(5, 3), "voice": drawn(5, 2, seed=1)}
    np.savez(tmp_path / "a.npz", **features)
    ids, values = toys.predict_file(found, tmp_path / "a.npz")
    assert ids == tuple(f"a@{t}" for t in range(5))
    masks = {"face": np.array([1, 1, 0, 1, 0], bool), "voice": np.array([0, 1, 1, 1, 0], bool)}
    whole = {name: np.ones(5, bool) for name in masks}
    np.testing.assert_allclose(values, toys.answer(model, features, whole), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(toys.answer(model, features, masks) != 0, [1, 1, 1, 1, 0])


def test_frames_that_know_no_time(tmp_path):
    model = toys.deployed(toys.Steps(), x=(3, None))
    found, x = toys.open_export(model, tmp_path / "export"), drawn(7, 3)
    np.save(tmp_path / "a.npy", x)
    ids, values = toys.predict_file(found, tmp_path / "a.npy")
    assert ids == tuple(f"a@{t}" for t in range(7))
    answered = jax.jit(functools.partial(deployment.predict_deployed, model))(x, np.ones(7, bool))
    np.testing.assert_allclose(values, answered, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("missing", [(), ("face",), ("audio", "text")])
def test_an_item_of_several_modalities_some_of_them_missing(several, tmp_path, missing):
    model, found = several
    given = {"audio": drawn(4, 3), "face": drawn(2), "text": drawn(5, 4)}  # shorter, a vector, and as long
    np.savez(tmp_path / "a.npz", **{name: x for name, x in given.items() if name not in missing})
    ids, values = toys.predict_file(found, tmp_path / "a.npz")
    features = {"audio": padded(given["audio"], 6), "face": given["face"], "text": given["text"]}
    masks = {"audio": np.arange(6) < 4, "face": np.array(True), "text": np.ones(5, bool)}
    masks = {name: mask & (name not in missing) for name, mask in masks.items()}
    assert ids == ("a",)
    assert values.shape == (1, 3)
    np.testing.assert_allclose(values[0], toys.answer(model, features, masks), rtol=1e-5, atol=1e-5)


def test_a_longer_item_is_read_in_windows_that_cover_it_and_their_probabilities_averaged(several, tmp_path):
    model, found = several
    audio, text = drawn(13, 3), drawn(8, 4)
    np.savez(tmp_path / "a.npz", audio=audio, text=text)
    _, values = toys.predict_file(found, tmp_path / "a.npz")
    shares = []
    # Three windows of 6 cover 13 steps; beside them, text of 8 is read from the same relative places, 5 at a time.
    for at_audio, at_text in ((0, 0), (4, 2), (7, 3)):
        features = {"audio": audio[at_audio : at_audio + 6], "face": np.zeros(2, np.float32)}
        masks = {"audio": np.ones(6, bool), "face": np.array(False), "text": np.ones(5, bool)}
        logits = toys.answer(model, features | {"text": text[at_text : at_text + 5]}, masks)
        shares.append(np.exp(logits) / np.exp(logits).sum())
    np.testing.assert_allclose(np.exp(values[0]), np.mean(shares, 0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "has no array"),
        ({"audi": drawn(4, 3)}, "did you mean 'audio'"),
        ({"audio": drawn(4, 2)}, r"'audio' in .*a.npz has 2 columns, the model takes 3"),
        ({"audio": drawn(4, 3, 1)}, r"float32 \[4, 3, 1\], expected numbers"),
        ({"audio": np.array(["x"])}, r"expected numbers"),
        ({"audio": np.array([[1, 2, {}]], object)}, "'audio' is made of Python objects"),
        ({"audio": drawn(0, 3)}, "expected numbers"),
        ({"face": drawn(2, 2)}, "has 2 frames, and the model takes one frame of it an item"),
        ({"text": np.array([[0, 1, np.nan, np.inf]])}, "has 2 values that are not finite"),
    ],
)
def test_what_the_model_does_not_take_is_named(several, tmp_path, arrays, said):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(UserError, match=said):
        toys.predict_file(several[1], tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["a.wav", "a", "a.pkl", "a.csv"])
def test_files_of_another_kind_are_refused(several, tmp_path, name):
    (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"name files that end in|write an npz with an array for each"):
        toys.predict_file(several[1], tmp_path / name)


def test_modalities_of_different_lengths_have_no_prediction_a_step(steps, tmp_path):
    found = steps[1]._replace(shapes={"a": ("b", "t", 2), "b": ("b", "t", 2)})
    np.savez(tmp_path / "x.npz", a=drawn(3, 2), b=drawn(4, 2))
    with pytest.raises(UserError, match=r"3 of 'a', 4 of 'b' frames, expected as many of each"):
        toys.predict_file(found, tmp_path / "x.npz")


def test_an_answer_that_is_not_finite_is_refused(steps, tmp_path):
    found = steps[1]._replace(call=lambda x, m: x[..., 0] / 0 * np.where(m, 1, 0))
    np.save(tmp_path / "a.npy", np.ones((2, 3), np.float32))
    with np.errstate(all="ignore"), pytest.raises(UserError, match="'a' are not finite; choose another trial"):
        toys.predict_file(found, tmp_path / "a.npy")


class Context(nn.Module):
    """A number a step, which depends on all valid steps that are read with it."""

    @nn.compact
    def deploy(self, inputs, masks):
        """float32 [B, T]."""
        (name,) = inputs
        x = nn.Dense(1)(inputs[name])[..., 0]
        return x + x.mean(1, keepdims=True, where=masks[name])


@pytest.mark.parametrize(("length", "delay"), [(5, 0), (6, 2), (17, 3)])
def test_long_files_are_read_in_the_windows_of_the_training_run(tmp_path, length, delay):
    model = toys.deployed(Context(), x=(3, 6))._replace(windows=windows.WindowPlan("recording", 6, 2), delay=delay)
    found, x = toys.open_export(model, tmp_path / "export"), drawn(length, 3)
    np.save(tmp_path / "a.npy", x)
    ids, values = toys.predict_file(found, tmp_path / "a.npy")
    expected, answer = (
        np.full(length, np.nan, np.float32),
        jax.jit(functools.partial(deployment.predict_deployed, model)),
    )
    for start, size, first, last in windows.cover_once(length, 6, 2):
        piece = answer(x[None, start : start + size], np.ones((1, size), bool))
        expected[start + first : start + last] = np.asarray(piece)[0, first:last]
    assert len(ids) == length
    # Where labels were learned earlier than they are, predictions come later, and the first stands for those before.
    expected = np.concatenate([np.full(delay, expected[0]), expected[: length - delay]])
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)


def test_windows_of_a_run_of_windows_follow_each_other(tmp_path):
    model = toys.deployed(Context(), x=(3, 6))._replace(windows=windows.WindowPlan("window", 6, 6))
    found, x = toys.open_export(model, tmp_path / "export"), drawn(8, 3)
    np.save(tmp_path / "a.npy", x)
    _, values = toys.predict_file(found, tmp_path / "a.npy")
    pieces = [toys.answer(model, piece, np.ones(len(piece), bool)) for piece in (x[:6], x[6:])]
    np.testing.assert_allclose(values, np.concatenate(pieces), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("values", [[0.25, 0.5], [0.75]])
def test_the_mean_of_windows_is_that_of_probabilities(values):
    odds = np.log(np.stack([values, 1 - np.array(values)], 1)).astype(np.float32) + 3
    mean = long_inputs.average_windows(odds)
    np.testing.assert_allclose(np.exp(mean - np.logaddexp(*mean))[0], np.mean(values), rtol=1e-6)
