"""What is timed against each other is the same model; needs PyTorch, which only the environment of `make bench` has."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.losses.regression import pcc_loss
from affect_jax.models.conflictnet import Model

torch = pytest.importorskip("torch", reason="PyTorch is in the environment of `make bench` only")


def array(tensor):
    return tensor.detach().numpy().copy()


def block(conv, norm, of=array):
    kernel = of(conv.weight).transpose(2, 1, 0)
    return dict(kernel=kernel, bias=of(conv.bias), gamma=of(norm.weight), beta=of(norm.bias))


def lstm(layer, of=array):
    return dict(kernel=of(layer.weight_ih_l0).T, recurrent_kernel=of(layer.weight_hh_l0).T, bias=of(layer.bias_ih_l0))


def tree(net, of=array):
    """A PyTorch ConflictNET's parameters, or what `of` takes of each, under our names."""
    attention = net.attention
    return {
        **{f"conv_{i}": block(net.convolutions[4 * i], net.convolutions[4 * i + 2], of) for i in range(3)},
        "lstm_0": lstm(net.first, of),
        "lstm_1": lstm(net.second, of),
        "attention": dict(
            Wt=of(attention.of_step.weight).T,
            bh=of(attention.of_step.bias),
            Wx=of(attention.of_other.weight).T,
            Wa=of(attention.score.weight).T,
            ba=of(attention.score.bias),
        ),
        "dense": dict(kernel=of(net.out.weight).T, bias=of(net.out.bias)),
    }


def test_outputs_gradients_and_running_statistics_are_ours():
    from benchmarks import torch_speech

    torch.manual_seed(0)
    net = torch_speech.ConflictNet().train()
    for layer in net.convolutions:
        if isinstance(layer, torch.nn.BatchNorm1d):
            torch.nn.init.uniform_(layer.weight, -1.5, 1.5)
    params = jax.tree.map(jnp.asarray, tree(net))
    x = np.random.default_rng(0).normal(size=(3, 12_001)).astype(np.float32)
    target = np.array([0.1, -0.4, 0.3], np.float32)
    statistics = {f"conv_{i}": dict(mean=np.zeros(f), variance=np.ones(f)) for i, f in enumerate((64, 128, 256))}

    def loss(params):
        variables = {"params": params, "batch_stats": jax.tree.map(jnp.float32, statistics)}
        inputs, masks = {"speech": jnp.asarray(x)[..., None]}, {"speech": jnp.ones(x.shape, bool)}
        outputs, moved = Model().apply(variables, inputs, masks, train=True, mutable=["batch_stats"])
        value = pcc_loss(outputs["prediction"], jnp.asarray(target), jnp.ones(3, bool))
        return value, (outputs["prediction"], moved["batch_stats"])

    (value, (prediction, moved)), grads = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    theirs = net(torch.tensor(x)[:, None])
    wanted = torch_speech.pcc_loss(theirs, torch.tensor(target))
    wanted.backward()
    np.testing.assert_allclose(prediction, array(theirs), atol=1e-5)
    np.testing.assert_allclose(value, array(wanted), atol=1e-4)
    reference = tree(net, of=lambda parameter: array(parameter.grad))
    # The score's bias hardly acts, as softmax takes it back: its gradient is what numbers 1e3 times as large leave.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6 + 2e-4 * np.abs(b).max()), grads, reference)
    for i in range(3):
        running = array(net.convolutions[4 * i + 2].running_mean)
        np.testing.assert_allclose(moved[f"conv_{i}"]["mean"], running, atol=1e-6)
