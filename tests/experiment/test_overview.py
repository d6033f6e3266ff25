import jax
import jax.numpy as jnp
import pytest

from affect_jax.experiment import overview
from affect_jax.experiment.overview import describe_parameters
from affect_jax.models import conflictnet, sew

FEATURES = {"video_geometric": 632, "audio": 88}
SEW = sew.Model(
    "video_geometric",
    ("audio",),
    weaker_layers=(512, 256, 128),
    stronger_layers=((108, 128),),
    stronger_decoder_layers=((108, 88),),
)


def sew_shapes():
    inputs = {m: jax.ShapeDtypeStruct((2, size), jnp.float32) for m, size in FEATURES.items()}
    masks = {m: jax.ShapeDtypeStruct((2,), bool) for m in FEATURES}
    return jax.eval_shape(lambda x, m: SEW.init(jax.random.key(0), x, m, train=False), inputs, masks)["params"]


def test_a_model_is_described_from_its_shapes():
    text = describe_parameters(sew_shapes(), trained=set(sew_shapes()) - {"reconstructor_audio"}, deployed=SEW.deployed)
    lines = text.splitlines()
    assert max(map(len, lines)) <= overview.WIDTH

    def cells(name):
        (line,) = [line for line in lines if line.startswith(f"| {name} ")]
        return [cell.strip() for cell in line.strip("|").split("|")][1:]

    assert cells("weaker_encoder") == ["6 arrays", "488,320", "trained", "yes"]
    assert cells("translator_audio") == ["4 arrays", "23,524", "trained", "no"]
    assert cells("reconstructor_audio") == ["4 arrays", "23,524", "frozen", "no"]
    assert cells("weaker_encoder/dense_0/kernel") == ["632 x 512", "323,584", "trained", "yes"]
    assert cells("regressor/dense/bias") == ["1", "1", "trained", "yes"]
    assert lines[-1] == "Total: 910,413 parameters, 886,889 trained, 23,524 frozen, 839,801 deployed"


def test_running_statistics_are_no_parameters():
    model = conflictnet.Model(filters=(6,), widths=(6,), pools=(40,), lstm_units=(6, 5), attention_units=3)
    inputs, masks = {"speech": jnp.zeros((2, 2600, 1))}, {"speech": jnp.ones((2, 2600), bool)}
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), inputs, masks, train=False))
    parts = {**variables["params"], overview.STATISTICS: variables["batch_stats"]}
    text = describe_parameters(parts, trained=("*",), deployed=model.deployed)
    assert "| batch_stats/conv_0/mean " in text
    assert text.endswith(" deployed, 12 running statistics")
    assert "frozen" not in text


def test_long_names_leave_the_table_its_width():
    shapes = {"s" * 90: {"kernel": jax.ShapeDtypeStruct((123_456, 123_456), jnp.float32)}, "b": {"c": jnp.zeros(())}}
    text = describe_parameters(shapes, trained=("*",), deployed=("b",))
    assert max(map(len, text.splitlines())) <= overview.WIDTH
    assert "sss...sss" in text
    assert "| scalar " in text


def test_names_must_be_submodules():
    with pytest.raises(ValueError, match="'regresor' is not a submodule; there are"):
        describe_parameters(sew_shapes(), trained=("regresor",), deployed=())
