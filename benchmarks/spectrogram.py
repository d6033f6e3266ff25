"""A training step of the recipe's CNN on log-mels: ours, with the gradients that XLA itself makes, and PyTorch's.

python -m benchmarks.spectrogram    # in .venv-bench, which `make bench` makes; prints milliseconds of processor time

A step is 32 crops of 2 s, [32, 200, 64], 8 classes; forward, backward and Adam, on one core. The sides take turns in
one process, so that a busy machine slows all of them alike, and the least of the turns counts.
"""

import functools
import time
from collections.abc import Callable

from affect_jax.runtime import startup

BATCH, STEPS, BANDS, CLASSES = 32, 200, 64, 8
FILTERS = (16, 32, 64, 128)
TURNS, UPDATES = 3, 4


def make_ours(*, by_hand: bool) -> Callable[[], None]:
    """What makes UPDATES updates inside of a scan, as the engine does."""
    import jax
    import jax.numpy as jnp
    import optax

    from affect_jax.layers import spectrogram
    from affect_jax.models.spectrogram_cnn import Model

    written = spectrogram.convolve
    if not by_hand:
        axes = ("NHWC", "HWIO", "NHWC")  # without a rule of ours, XLA makes the gradients
        spectrogram.convolve = functools.partial(jax.lax.conv_general_dilated, dimension_numbers=axes)
    model = Model(modalities=("log_mel",), classes=CLASSES, filters=FILTERS)
    x = {"log_mel": jax.random.normal(jax.random.key(0), (BATCH, STEPS, BANDS))}
    mask, labels = {"log_mel": jnp.ones((BATCH, STEPS), bool)}, jnp.arange(BATCH) % CLASSES
    variables = model.init(jax.random.key(1), x, mask, train=False)
    adam = optax.adam(1e-3)

    def update(state: tuple, _: None) -> tuple[tuple, None]:
        params, statistics, moments = state

        def compute_loss(params: dict) -> tuple[jax.Array, dict]:
            outputs, moved = model.apply(
                {"params": params, "batch_stats": statistics},
                x,
                mask,
                train=True,
                rngs={"dropout": jax.random.key(2)},
                mutable=["batch_stats"],
            )
            return optax.softmax_cross_entropy_with_integer_labels(outputs["logits"], labels).mean(), moved

        gradients, moved = jax.grad(compute_loss, has_aux=True)(params)
        directions, moments = adam.update(gradients, moments)
        return (optax.apply_updates(params, directions), moved["batch_stats"], moments), None

    state = (variables["params"], variables["batch_stats"], adam.init(variables["params"]))
    program = jax.jit(lambda state: jax.lax.scan(update, state, None, length=UPDATES)[0]).lower(state).compile()
    spectrogram.convolve = written
    return lambda: jax.block_until_ready(program(state))


def make_torch() -> Callable[[], None]:
    """The same network in PyTorch, eager, on one thread."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    blocks, channels = [], 1
    for index, filters in enumerate(FILTERS):
        pool = [nn.MaxPool2d(2, ceil_mode=True)] if index < len(FILTERS) - 1 else []
        convolution = nn.Conv2d(channels, filters, 3, stride=1 if index else 2, padding=1, bias=False)
        blocks += [convolution, *pool, nn.BatchNorm2d(filters), nn.ReLU()]
        channels = filters
    trunk = nn.Sequential(*blocks)
    width = channels * (BANDS // 16)
    score = nn.Sequential(nn.Linear(width, 64), nn.Tanh(), nn.Linear(64, 1, bias=False))
    head = nn.Sequential(nn.Linear(2 * width, 128), nn.ReLU(), nn.Linear(128, CLASSES))
    x, labels = torch.randn(BATCH, 1, STEPS, BANDS), torch.arange(BATCH) % CLASSES
    adam = torch.optim.Adam([*trunk.parameters(), *score.parameters(), *head.parameters()])

    def update() -> None:
        steps = trunk(x).permute(0, 2, 1, 3).flatten(2)
        weight = score(steps).softmax(1)
        mean = (weight * steps).sum(1)
        variance = (weight * (steps - mean[:, None]).square()).sum(1)
        loss = nn.functional.cross_entropy(head(torch.cat([mean, (variance + 1e-8).sqrt()], 1)), labels)
        adam.zero_grad()
        loss.backward()
        adam.step()

    return lambda: [update() for _ in range(UPDATES)]


def main() -> None:
    """Compiles, lets the sides take turns, prints."""
    startup.use_all_cores()
    sides = {
        "ours": make_ours(by_hand=True),
        "ours, XLA's own gradients": make_ours(by_hand=False),
        "PyTorch": make_torch(),
    }
    seconds = {name: [] for name in sides}
    for run in sides.values():
        run()
    for _ in range(TURNS):
        for name, run in sides.items():
            begin = time.process_time()
            run()
            seconds[name].append((time.process_time() - begin) / UPDATES)
    for name, values in seconds.items():
        print(f"{name}: {min(values) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
