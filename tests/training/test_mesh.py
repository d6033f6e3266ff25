"""The mesh: trials over one axis, the examples of each batch over the other, and the numbers of one device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.layers import mean_attention
from affect_jax.layers.pooled_convolution import conv_norm_pool
from affect_jax.losses import alignment, decorrelation, regression
from affect_jax.training import loop, mesh
from affect_jax.training.mesh import shard_batch
from tests import toy

DATA = toy.development()


def on(devices, data, trial_fn, *trials):
    """`trial_fn` of one trial, its batches over `data` devices."""
    where = mesh.make_mesh(devices, data)
    doubled = jax.tree.map(lambda x: np.stack([x] * mesh.count_replicas(where)), trials)
    program = mesh.map_over_trials(where, 1, lambda _, *trial: trial_fn(*trial))
    return jax.tree.map(lambda x: x[0], mesh.to_host(program((), *mesh.shard_trials(where, doubled))))


def alone(trial_fn, *trial):
    """`trial_fn` of one trial on one device."""
    return jax.tree.map(np.asarray, jax.jit(trial_fn)(*trial))


def of_all_samples(name, loss):
    """A loss that binds all samples of a batch together, and its gradient."""

    def of_batch(a, b, where):
        (a, b, where) = shard_batch((a, b, where))
        return jax.value_and_grad(loss, argnums=(0, 1))(a, b, where)

    return pytest.param(of_batch, id=name)


@pytest.mark.parametrize(
    "of_batch",
    [
        of_all_samples("pcc", lambda a, b, where: regression.pcc_loss(a[..., 0], b[..., 0], where)),
        of_all_samples("ccc", lambda a, b, where: regression.ccc_loss(a[..., 0], b[..., 0], where)),
        of_all_samples("dcca", lambda a, b, where: alignment.dcca(a, b, where, k=2)),
        of_all_samples("dcca of few samples", lambda a, b, where: alignment.dcca(a[:, 0], b[:, 0], where[:, 0], k=2)),
        of_all_samples("barlow", lambda a, b, where: decorrelation.barlow(a, b, where)),
        of_all_samples("vicreg", lambda a, b, where: decorrelation.vicreg(a, b, where)),
    ],
)
def test_losses_of_all_samples_see_the_whole_batch_over_several_devices(of_batch):
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, 6, 5, 16)).astype(np.float32)
    where = np.arange(5)[None, :] < np.array([5, 2, 4, 0, 5, 3])[:, None]
    toy.trees_equal(on(4, 4, of_batch, a, b, where), alone(of_batch, a, b, where), rtol=2e-4, atol=2e-6)


def test_attention_in_groups_of_a_batch_over_several_devices_is_that_on_one(monkeypatch):
    draw = np.random.default_rng(0)
    q, k = draw.normal(size=(4, 5, 2, 3)).astype(np.float32), draw.normal(size=(4, 6, 2, 3)).astype(np.float32)
    share, valid = np.full((4, 5), 0.2, np.float32), np.arange(6)[None, :] < np.array([6, 2, 4, 3])[:, None]

    def of_batch(*batch):
        q, k, share, valid = shard_batch(batch)

        def loss(q, k):
            return jnp.sum(jnp.sin(mean_attention.mean_weights(q, k, share, valid, None, jnp.zeros(()))))

        return jax.value_and_grad(loss, argnums=(0, 1))(q, k)

    in_turn = alone(of_batch, q, k, share, valid)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")  # a CPU takes one example after another
    monkeypatch.setattr(mean_attention, "_GROUP", 2 * 2 * 5 * 6)
    toy.trees_equal(on(2, 2, of_batch, q, k, share, valid), in_turn, rtol=1e-5, atol=1e-6)


def test_a_study_whose_batches_lie_over_devices_equals_it_on_one():
    """Batches of 3 examples over 2 devices: also what does not divide."""
    losses = toy.stage_config()["losses"]
    losses["concordance"] = dict(kind="ccc", prediction="prediction", target="target", weight=0.5)
    parsed, traced = toy.stages(fit=toy.stage_config(losses=losses))
    trials = toy.trials(traced)[:3]
    corpus, _, folds = DATA

    def fit(**engine):
        return loop.fit_study(toy.Model(), parsed, "regression", corpus, folds, trials, toy.engine(**engine))

    toy.trees_equal(fit(devices=4, data=2), fit(), rtol=1e-4, atol=1e-5)


def test_batch_statistics_are_those_of_the_whole_batch():
    """ConflictNET's block, whose sums over a batch are in a backward pass of its own."""
    draw = np.random.default_rng(0)
    x, kernel = draw.normal(size=(4, 60, 2)).astype(np.float32), draw.normal(size=(5, 2, 3)).astype(np.float32)
    scale = np.array([1.0, -0.5, 2.0], np.float32)

    def gradients(x, kernel, scale):
        x, valid = shard_batch((x, jnp.array([True, True, False, True])))

        def loss(kernel, scale):
            zero = jnp.zeros(3)
            pooled, statistics = conv_norm_pool(x, kernel, zero, scale, zero, valid, pool=4, epsilon=1e-3)
            return jnp.sin(pooled).sum(), statistics

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(kernel, scale)

    trials = x, kernel, scale
    toy.trees_equal(on(2, 2, gradients, *trials), alone(gradients, *trials), rtol=1e-4, atol=1e-5)


def test_what_is_no_mesh_is_refused():
    with pytest.raises(UserError, match="config.engine.devices is 99 but there are only 4 cpu devices"):
        mesh.make_mesh(99)
    with pytest.raises(UserError, match="config.engine.data is 3, which does not divide 4 devices"):
        mesh.make_mesh(4, 3)
    with pytest.raises(UserError, match="config.engine.data is 0"):
        mesh.make_mesh(4, 0)


@pytest.mark.parametrize(("gigabytes", "trials"), [(None, 8), (6, 8), (60, 40), (140, 64)])
def test_an_accelerator_runs_as_many_trials_as_its_memory_has_room_for(monkeypatch, gigabytes, trials):
    class Device:
        def memory_stats(self):
            return gigabytes and {"bytes_limit": int(gigabytes * 1e9)}

    assert mesh.choose_trials_at_once(0) == 1
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: [Device()])
    assert mesh.choose_trials_at_once(0) == trials
    assert mesh.choose_trials_at_once(5) == 5


@pytest.mark.parametrize(("count", "at_once", "chunk"), [(50, 40, 25), (50, 8, 8), (7, 8, 7), (9, 8, 5), (3, 1, 1)])
def test_chunks_of_trials_are_few_and_of_one_size(count, at_once, chunk):
    assert mesh.size_chunk(count, at_once) == chunk


@pytest.mark.parametrize(("devices", "trials", "data"), [(4, 1, 4), (4, 2, 2), (4, 3, 1), (4, 9, 1), (3, 1, 3)])
def test_devices_without_a_trial_of_their_own_may_share_batches(devices, trials, data):
    assert mesh.choose_data_devices(mesh.make_mesh(devices), trials) == data
    assert mesh.choose_data_devices(mesh.make_mesh(devices, devices), trials) == data
