"""Numbers of parameters at the published sizes; shapes alone, so nothing is computed."""

import math

import jax
import numpy as np
import pytest

from affect_jax.models import seqsew, sew

RECOLA = {"audio": 88, "geo": 632, "app": 168}
MOSI = {"text": 100, "audio": 73, "video": 100}
ENCODERS = {"geo": (512, 256), "audio": (108,), "app": ()}
DECODERS = {"geo": (256, 512, 632), "audio": (108, 88), "app": (168,)}


def sizes(model, widths, steps=()):
    """(parameters of the whole model, of what is deployed)"""
    names = (model.weaker, *model.stronger)
    inputs = {name: np.zeros((2, *steps, widths[name]), np.float32) for name in names}
    masks = {name: np.ones((2, *steps), bool) for name in names}
    shapes = jax.eval_shape(lambda key: model.init(key, inputs, masks, train=False), jax.random.key(0))["params"]
    parts = {part: sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree)) for part, tree in shapes.items()}
    return sum(parts.values()), sum(parts[part] for part in model.deployed)


@pytest.mark.parametrize(
    ("weaker", "stronger", "whole", "deployed"),
    [
        ("geo", "audio", 910_413, 839_801),
        ("app", "audio", 477_885, 394_273),
        ("audio", "geo", 1_841_013, 375_045),
        ("app", "geo", 1_891_001, 394_273),
    ],
)
def test_sew(weaker, stronger, whole, deployed):
    latent = 168 if "app" in (weaker, stronger) else 128
    layers = ((*ENCODERS[weaker], latent), ((*ENCODERS[stronger], latent),), (DECODERS[stronger],))
    assert sizes(sew.Model(weaker, (stronger,), *layers), RECOLA) == (whole, deployed)


def test_sew_alone_is_the_regressor():
    gru = sum(3 * 120 * (inputs + 120) + 6 * 120 for inputs in (88, 120, 120, 120))
    assert sizes(sew.Model("audio"), RECOLA) == (gru + 121,) * 2


@pytest.mark.parametrize(
    ("widths", "weaker", "gru_layers", "deployed"),
    [
        (RECOLA, "geo", 2, 12_397_589),
        (RECOLA, "app", 2, 1_157_653),
        (RECOLA, "audio", 1, 384_885),
        (MOSI, "video", 2, 595_701),
        (MOSI, "audio", 2, 449_523),
    ],
)
def test_seqsew(widths, weaker, gru_layers, deployed):
    alone = seqsew.Model(weaker, weaker_gru_layers=gru_layers)
    assert sizes(alone, widths, (3,)) == (deployed, deployed)
    stronger = "app" if weaker == "audio" and widths is RECOLA else "text" if widths is MOSI else "audio"
    taught = seqsew.Model(weaker, (stronger,), weaker_gru_layers=gru_layers, stronger_gru_layers=(2,))
    assert sizes(taught, widths, (3,))[1] == deployed


def test_seqsew_whole():
    # MOSI video (+ text): the deployed part, a one-layer text encoder with its classifier, and the decoder.
    def bigru(inputs, units):
        return 2 * (3 * units * (inputs + units) + 6 * units)

    transformer = 2 * (40_400 + 80_500 + 400)
    teacher = bigru(100, 100) + 20_100 + transformer + 30_601
    decoder = bigru(100, 250) + bigru(500, 250) + 50_100
    model = seqsew.Model("video", ("text",), stronger_gru_layers=(1,))
    assert sizes(model, MOSI, (3,)) == (595_701 + teacher + decoder, 595_701)


def test_seqsew_baselines():
    assert sizes(seqsew.Model("text", encoder="none"), MOSI, (3,)) == (30_601, 30_601)
    bigru = 2 * (3 * 100 * 200 + 600) + 20_100 + 30_601
    assert sizes(seqsew.Model("text", encoder="bigru", weaker_gru_layers=1), MOSI, (3,)) == (bigru, bigru)
