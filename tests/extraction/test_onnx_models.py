"""onnx:FILE as an extractor: tiny networks, written here byte by byte as the format has them."""

import importlib.util
import json

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.extraction import compute, onnx_models, sources, wanted
from affect_jax.features import sound_files, video
from affect_jax.features.segments import WHOLE

clips = pytest.importorskip("tests.extraction.clips")
needs_onnxruntime = pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs onnxruntime")
SOUND = {"reads": "sound", "input": "x", "rate": 8000}
PICTURES = {"reads": "pictures", "input": "x", "size": [4, 6], "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.5, 1.0]}


def number(value):
    """A variable-length number of protobuf's."""
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes([*data, value])


def field(at, value):
    """A field of a protobuf message: a number, text, or a message."""
    if isinstance(value, int):
        return number(at << 3) + number(value)
    data = value.encode() if isinstance(value, str) else value
    return number(at << 3 | 2) + number(len(data)) + data


def tensor_type(name, shape):
    sizes = b"".join(field(1, field(2, one) if isinstance(one, str) else field(1, one)) for one in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sizes)))


def write_network(path, operator, shape, output, *, lists=None, about=None):
    """A network of one node, y = operator(x), with x of `shape`; the json beside it says `about`."""
    # Of an attribute 7 says that it is a list of whole numbers, which are its field 8.
    attributes = b"".join(
        field(5, field(1, name) + field(20, 7) + b"".join(field(8, one) for one in value))
        for name, value in (lists or {}).items()
    )
    node = field(1, "x") + field(2, "y") + field(4, operator) + attributes
    graph = field(1, node) + field(2, "g") + field(11, tensor_type("x", shape)) + field(12, tensor_type("y", output))
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))
    if about is not None:
        path.with_name(f"{path.name}.json").write_text(json.dumps(about))
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    clips.write_clip(path, seconds=1.0, frames=clips.draw)
    return path


def extract(clip, network, out, name="onnx"):
    out.mkdir(exist_ok=True)
    source = sources.load_source(f"{name}:{network}")
    rows = [compute.Row(2, {"c": str(clip)}, WHOLE)]
    problems = []
    plan = compute.plan_features(
        wanted.Wanted("m", "c", name), source, rows, clip.parent, out, rate=3.0, report=lambda *_: problems.append(_)
    )
    list(compute.carry_out(plan, lambda *_: problems.append(_)))
    assert not problems
    with np.load(plan.made[2]) as file:
        return file["features"], file["times"]


@needs_onnxruntime
def test_sound_reaches_the_network_at_its_rate(clip, tmp_path):
    """A mean over 400 samples, every 400."""
    pool = {"kernel_shape": (400,), "strides": (400,)}
    path = write_network(tmp_path / "pool.onnx", "AveragePool", [1, 1, "T"], [1, 1, "U"], lists=pool, about=SOUND)
    values, times = extract(clip, path, tmp_path / "out")
    samples = sound_files.read_audio(clip, rate=8000)
    whole = len(samples) // 400
    # [1, 1, U] is one row of U numbers, so one step.
    assert values.shape == (1, whole)
    np.testing.assert_allclose(values[0], samples[: 400 * whole].reshape(whole, 400).mean(1), atol=2e-3)
    assert times[0] == pytest.approx(len(samples) / 8000 / 2, abs=0.1)


@needs_onnxruntime
def test_sequences_have_a_step_a_row_and_vectors_one(tmp_path):
    samples = np.linspace(-1, 1, 1600).astype(np.float32)
    path = write_network(tmp_path / "turn.onnx", "Transpose", [1, "S"], ["S", 1], about=SOUND)
    values = onnx_models.encode_sound(onnx_models.load_network(path), samples, 8000)
    np.testing.assert_allclose(values, samples[:, None], atol=1e-6)
    path = write_network(tmp_path / "turn.onnx", "Transpose", [1, "S"], ["S", 1], about=SOUND | {"pooling": "mean"})
    values = onnx_models.encode_sound(onnx_models.load_network(path), samples, 8000)
    np.testing.assert_allclose(values, [[0]], atol=1e-6)
    path = write_network(tmp_path / "flat.onnx", "Identity", ["S"], ["S"], about=SOUND)
    values = onnx_models.encode_sound(onnx_models.load_network(path), samples, 8000)
    np.testing.assert_allclose(values, samples[None], atol=1e-6)


@needs_onnxruntime
def test_pictures_have_the_size_and_scale_that_the_json_says(clip, tmp_path):
    path = write_network(tmp_path / "flat.onnx", "Flatten", ["N", 3, 4, 6], ["N", 72], about=PICTURES)
    values, times = extract(clip, path, tmp_path / "out")
    pictures = list(video.read_pictures(clip, 3.0))
    np.testing.assert_allclose(times, [picture.time for picture in pictures])
    card = onnx_models.load_network(path).card
    expected = np.stack([onnx_models._prepare(picture.image, card).transpose(2, 0, 1).ravel() for picture in pictures])
    np.testing.assert_allclose(values, expected, atol=1e-6)
    grey = onnx_models._prepare(np.full((8, 8, 3), 127, np.uint8), card)
    np.testing.assert_allclose(grey[0, 0], (127 / 255 - 0.5) / np.array([0.25, 0.5, 1.0]), atol=1e-6)


@needs_onnxruntime
def test_places_are_averaged_where_the_json_says_so(tmp_path):
    about = {**PICTURES, "pooling": "mean"}
    path = write_network(tmp_path / "same.onnx", "Identity", ["N", 3, 4, 6], ["N", 3, 4, 6], about=about)
    images = [np.full((4, 6, 3), level, np.uint8) for level in (0, 255)]
    values = onnx_models.encode_pictures(onnx_models.load_network(path), images)
    np.testing.assert_allclose(values, [[-2, -1, -0.5], [2, 1, 0.5]], atol=1e-6)
    bare = write_network(tmp_path / "bare.onnx", "Identity", ["N", 3, 4, 6], ["N", 3, 4, 6], about=PICTURES)
    with pytest.raises(UserError, match=r"gives \[2, 3, 4, 6\], expected \[N, D\]"):
        onnx_models.encode_pictures(onnx_models.load_network(bare), images)


@needs_onnxruntime
@pytest.mark.parametrize(
    ("about", "says"),
    [
        (None, r"same\.onnx\.json is missing, which says what the network reads"),
        ([], "is not what it should be"),
        ({"reads": "sound"}, "is not what it should be"),
        ({**SOUND, "colour": 1}, "is not what it should be"),
        ({**SOUND, "reads": "smells"}, "'reads' is 'smells'"),
        ({**SOUND, "rate": 0}, "'rate' is 0"),
        ({**PICTURES, "size": [4]}, "'size' is"),
        ({**PICTURES, "std": [0, 1, 1]}, "'std' is"),
        ({**SOUND, "input": "waveform"}, "names the input 'waveform', but same.onnx has x"),
        ({**SOUND, "output": "states"}, "names the output 'states', but same.onnx has y"),
    ],
)
def test_a_json_that_does_not_fit_is_told(tmp_path, about, says):
    path = write_network(tmp_path / "same.onnx", "Identity", [1, "S"], [1, "S"], about=about)
    with pytest.raises(UserError, match=says):
        sources.load_source(f"onnx:{path}")


@needs_onnxruntime
def test_networks_that_cannot_be_used_are_told(tmp_path):
    with pytest.raises(UserError, match="is missing; name a file in the ONNX format"):
        sources.load_source(f"onnx:{tmp_path / 'nowhere.onnx'}")
    path = write_network(tmp_path / "same.onnx", "Identity", [1, "S"], [1, "S"], about=SOUND)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(UserError, match="cannot be loaded by onnxruntime"):
        sources.load_source(f"onnx:{path}")
    path = write_network(tmp_path / "log.onnx", "Log", [1, "S"], [1, "S"], about=SOUND)
    with pytest.raises(UserError, match="gives NaN or infinite values"):
        onnx_models.encode_sound(onnx_models.load_network(path), np.zeros(100, np.float32), 8000)
    path = write_network(tmp_path / "fixed.onnx", "Identity", [1, 7], [1, 7], about=SOUND)
    with pytest.raises(UserError, match=r"cannot read \[1, 100\]"):
        onnx_models.encode_sound(onnx_models.load_network(path), np.zeros(100, np.float32), 8000)


def test_without_onnxruntime_the_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_models.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'affect-jax\[onnx\]'"):
        sources.load_source(f"onnx:{tmp_path / 'any.onnx'}")


def test_other_weights_are_another_extractor(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    one = write_network(tmp_path / "one.onnx", "Identity", [1, "S"], [1, "S"], about=SOUND)
    first, sign = sources.load_source(f"onnx:{one}").identity, sources.sign_source(f"onnx:{one}")
    assert sources.load_source(f"onnx:{one}").identity == first
    write_network(one, "Abs", [1, "S"], [1, "S"], about=SOUND)
    assert sources.load_source(f"onnx:{one}").identity != first
    assert sources.sign_source(f"onnx:{one}") != sign
