"""What XLA makes of one of our steps for an NVIDIA H100, compiled on a machine without one.

    python -m benchmarks.ahead fusion-intra-training --trials=8                       # eight trials under one vmap
    python -m benchmarks.ahead seqsew-recola-2 --precision=bfloat16 --top=10

Needs JAX's CUDA plugin (`pip install "jax[cuda12]==0.9.2"`), no driver and no GPU. Two updates of the engine are
compiled and nothing is run: this is XLA's plan, and no time follows from it.

Products are cuBLAS's. XLA chooses among its own kernels (Triton's) by trying them, and without a device their default
tiles do not even compile for every step; so a real H100 may join to some products what stands around them here.

A kernel is what XLA launches by itself; a call of a library counts as one, and of a condition all branches count. What
stands outside all loops is left out: an epoch does it once.
"""

import argparse
import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from benchmarks.cases import BY_NAME, PRECISIONS, Case, FusionCase, SpeechCase
from benchmarks.worker import use_one_device

STEPS = 2
"""Updates of the program: one alone would be no loop, and so not be told from what an epoch does once."""
DEVICE = Path(__file__).with_name("h100.txtpb")
OPTIONS = {
    "xla_gpu_enable_triton_gemm": False,
    # How well the code inside of kernels is optimized, which nobody runs; which kernels there are stays.
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}
_COMPUTATION = re.compile(r"(ENTRY )?%([\w.\-]+) \(.*\{$")
_OPERATION = re.compile(r"\s+(?:ROOT )?%[\w.\-]+ = .*? ([a-z][\w\-]*)\(")
_BODY = re.compile(r"body=%([\w.\-]+)")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_SOURCE = re.compile(r'op_name="([^"]*)"')
_NO_KERNEL = ("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "optimization-barrier")


class Loop(NamedTuple):
    """A loop of the compiled program.

    Attributes:
      rounds: how often its body runs in the program, in all rounds of the loops around it.
      kernels: that a round launches, without those of loops inside.
      source: where it comes from, as JAX names it; '' if unknown.
      known: XLA knows how many rounds it has, and the loops around it; one that it does not know counts one.
    """

    rounds: int
    kernels: int
    source: str
    known: bool


def loops(program: str) -> list[Loop]:
    """The loops in XLA's text of a program for a GPU, outer ones before those inside."""
    computations, entry, lines = dict[str, list[tuple[str, str]]](), "", []
    for line in program.splitlines():
        if head := _COMPUTATION.match(line):
            lines = computations.setdefault(head[2], [])
            entry = head[2] if head[1] else entry
        elif operation := _OPERATION.match(line):
            lines.append((operation[1], line))
    found: list[Loop] = []

    def kernels(name: str, rounds: int, known: bool) -> int:
        """Of a round of this computation; loops inside go into `found`."""
        count = 0
        for kind, line in computations[name]:
            if kind == "while":
                trips, source, place = _TRIPS.search(line), _SOURCE.search(line), len(found)
                inner = rounds * int(trips[1] if trips else 1), known and trips is not None
                launched = kernels(_BODY.search(line)[1], *inner)
                found.insert(place, Loop(inner[0], launched, source[1] if source else "", inner[1]))
            elif kind in ("call", "conditional"):
                called = (word for word in re.findall(r"%([\w.\-]+)", line) if word in computations)
                count += sum(kernels(word, rounds, known) for word in called)
            elif kind not in _NO_KERNEL and not kind.endswith("-done"):
                count += 1
        return count

    kernels(entry, 1, known=True)
    return found


@contextlib.contextmanager
def traced_for_gpu() -> Iterator[None]:
    """Has our layers, which choose their way by `jax.default_backend()` while they are traced, take this for a GPU."""
    # What runs here is a CPU, and they ask nothing else. JAX itself asks elsewhere: only what is traced changes.
    import jax

    with mock.patch.object(jax, "default_backend", return_value="gpu"):
        yield


def lower(case: Case | SpeechCase | FusionCase, precision: str, count: int, device: Any) -> Any:
    """`STEPS` updates of so many rows of the case as one program, lowered for this device of a topology."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from jax.sharding import NamedSharding, PartitionSpec

    from affect_jax.data.folds import FoldedCorpus
    from affect_jax.training import batching, loop, mesh, objective, state, step, trials
    from affect_jax.training.optimizer import make_transform
    from benchmarks import jax_side

    loaded = jax_side.load(case, precision)
    _, _, model, staged, corpus, folds = loaded
    staged = staged._replace(batch=case.batch)
    plan = step.StagePlan(model, staged, "regression", 1)  # task and evaluation play no part in a step
    arrays = trials.stack_trials([jax_side.make_trial(loaded, seed, {}) for seed in range(count)])

    def fresh(params: Any, row: trials.TrialArrays) -> tuple[Any, state.TrialState]:
        trained, statistics, frozen = step.split_submodules(params, staged.train)
        opt_state = make_transform(staged, row.hyper[staged.name]).init(trained)
        return frozen, state.create_state(
            trained, statistics, opt_state, objective.init_loss_state(staged.terms, names)
        )

    def updates(shared: Any, row: trials.TrialArrays, frozen: Any, now: state.TrialState) -> Any:
        def one(now: state.TrialState, index: jax.Array) -> tuple[state.TrialState, dict[str, jax.Array]]:
            batch = step.take_training_batch(plan, shared, row.fold, index)
            return step.train_step(plan, row, frozen, now, batch, jax.random.key(row.seed))

        order = batching.order_epoch(staged, shared.folds, row, now.epoch)
        return jax.lax.scan(one, now, jnp.resize(order, (STEPS, order.shape[1])))

    devices = jax.sharding.Mesh(np.array([[device]]), ("replica", "data"))

    def laid(tree: Any, *over: str) -> Any:
        place = NamedSharding(devices, PartitionSpec(*over))
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), tree)

    with traced_for_gpu():
        shapes = loop.trace_shapes(model, corpus, folds)
        names = objective.collect_names(shapes.outputs, shapes.batch)
        frozen, now = jax.eval_shape(jax.vmap(fresh, in_axes=(None, 0)), shapes.params, arrays)
        program = mesh.map_over_trials(devices, count, updates, donate=3)
        arguments = laid(FoldedCorpus(corpus, folds)), *laid((arrays, frozen, now), "replica")
        return program.trace(*arguments).lower(lowering_platforms=("cuda",))


def main() -> None:
    """The command line."""
    trained = [name for name in BY_NAME if isinstance(BY_NAME[name], Case) or getattr(BY_NAME[name], "train", False)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=trained, help="a training step of benchmarks.run")
    parser.add_argument("--trials", type=int, default=1, help="trials under one vmap")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="of training")
    parser.add_argument("--top", type=int, default=6, help="how many loops to print")
    asked = parser.parse_args()
    use_one_device()
    import jax
    from jax.experimental import topologies

    jax.config.update("jax_platforms", "cpu")  # of what runs here; a topology finds its plugin all the same
    try:
        topology = topologies.get_topology_desc(platform="cuda", topology="1x1x1", target_config=DEVICE.read_text())
    except NotImplementedError:
        parser.exit(2, f'error: JAX\'s CUDA plugin is missing; pip install "jax[cuda12]=={jax.__version__}"\n')
    begin = time.perf_counter()
    lowered = lower(BY_NAME[asked.case], asked.precision, asked.trials, topology.devices[0])
    between = time.perf_counter()
    compiled = lowered.compile(compiler_options=OPTIONS)
    took = f"lowered in {between - begin:.0f} s, compiled in {time.perf_counter() - between:.0f} s"
    print(f"{asked.case}, trials: {asked.trials}, {asked.precision}, {topology.devices[0].device_kind}: {took}")
    plan, found = compiled.memory_analysis(), loops(compiled.as_text())
    arguments, temporaries = plan.argument_size_in_bytes / 2**30, plan.temp_size_in_bytes / 2**30
    print(f"memory: {arguments:.3f} GiB of arguments, {temporaries:.3f} GiB of temporaries")
    print(f"kernels a step: {sum(loop.rounds * loop.kernels for loop in found) / STEPS:,.0f}")
    for loop in sorted(found, key=lambda loop: -loop.rounds * loop.kernels)[: asked.top]:
        rounds = f"{loop.rounds / STEPS:.0f}" if loop.known else "unknown"
        source = "/".join(loop.source.split("/")[-4:])
        print(f"{rounds:>8s} rounds a step  {loop.kernels:5d} kernels a round  {source}")


if __name__ == "__main__":
    main()
