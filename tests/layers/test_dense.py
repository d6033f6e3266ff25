import jax
import numpy as np
import pytest

from affect_jax.layers.dense import MLP, Dense

X = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)


def test_dense_is_affine_on_the_last_axis_of_any_shape():
    draw = np.random.default_rng(1)
    params = {
        name: draw.uniform(-0.3, 0.3, size).astype(np.float32) for name, size in dict(kernel=(16, 7), bias=7).items()
    }
    shapes = (X, X.reshape(2, 2, 16), X[0])
    run = jax.jit(lambda params: [Dense(7).apply({"params": params}, x) for x in shapes])
    for x, y in zip(shapes, run(params), strict=True):
        np.testing.assert_allclose(y, x @ params["kernel"] + params["bias"], atol=1e-6)


def test_dense_starts_as_torchs_linear():
    params = jax.device_get(jax.jit(Dense(400).init)(jax.random.key(0), X))["params"]
    for name, shape in (("kernel", (16, 400)), ("bias", (400,))):
        assert params[name].shape == shape
        assert np.abs(params[name]).max() <= 0.25  # 1 / sqrt(16)
        assert np.std(params[name]) == pytest.approx(0.25 / np.sqrt(3), rel=0.1)


def test_mlp_has_its_activation_between_layers_only():
    mlp = MLP((5, 3))
    y, variables = jax.device_get(jax.jit(mlp.init_with_output)(jax.random.key(1), X))
    first, second = (variables["params"][f"dense_{i}"] for i in range(2))
    expected = np.tanh(X @ first["kernel"] + first["bias"]) @ second["kernel"] + second["bias"]
    np.testing.assert_allclose(y, expected, atol=1e-6)
