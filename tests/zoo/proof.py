"""The proof that a method equals its authors' code: numbers that their code computed, against ours, in one program.

    python -m tests.zoo.proof ../shared/parity/*.npz        # a line a file: the worst error in each kind of number

A file has the parameters by the authors' names, inputs, outputs, the loss, its gradients and the losses of five steps
of Adam. `cases/<method>.py` says what of it is what:

    prepare(ins)             the file's inputs -> (inputs, masks) of our model, by jax.numpy
    OUTPUTS                  name in the file -> name of ours, or a function of (our outputs, ins)
    compute_loss(outputs, ins, params)

A loss without a model has `evaluate(ins, arguments) -> (loss, outputs by their names)` alone.
"""

import functools
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from affect_jax.convert import methods, torch_names

ADAM = optax.adam(1e-3, b1=0.9, b2=0.999, eps=1e-8)
STEPS = 5
OUTPUT, ADAM_LOSS = 1e-5, 1e-4
GRADIENT = 1e-6, 1e-4
"""Absolute, and relative to the tensor's greatest entry."""
COMPILED_FAST = {"xla_cpu_use_fusion_emitters": False}
"""Options of a program that is compiled once and run once: XLA's older emitters take a quarter of the time."""


class Fixture(NamedTuple):
    """A file of numbers, by kind: 'param', 'in', 'out', ... -> name -> array.

    Attributes:
      path: of the file.
      kinds: its arrays.
      meta: what it says of itself.
    """

    path: Path
    kinds: dict[str, dict[str, np.ndarray]]
    meta: dict[str, Any]

    @property
    def state_dict(self) -> dict[str, np.ndarray]:
        """Parameters and buffers by the authors' names."""
        return {**self.kinds.get("param", {}), **self.kinds.get("frozen", {}), **self.kinds.get("buffer", {})}


class Errors(NamedTuple):
    """The worst error of each kind of number, as a share of what is allowed.

    Attributes:
      outputs: of the model, 1e-5.
      loss: the same.
      gradients: 1e-6 and 1e-4 of the tensor's greatest.
      adam: of the losses of five steps, 1e-4.
      trained: outputs and running moments in train mode, 1e-5.
      parameters: how many there are more or fewer than the authors say.
    """

    outputs: float
    loss: float
    gradients: float
    adam: float
    trained: float
    parameters: int


def read_fixture(path: Path) -> Fixture:
    """Reads a file."""
    kinds: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path) as arrays:
        meta = json.loads(str(arrays["meta"]))
        for name in arrays.files:
            kind, _, rest = name.partition("/")
            if name != "meta":
                kinds.setdefault(kind, {})[rest] = arrays[name]
    return Fixture(path, kinds, meta)


def read_meta(path: Path) -> dict[str, Any]:
    """What a file says of itself."""
    with np.load(path) as arrays:
        return json.loads(str(arrays["meta"]))


def prove(path: Path) -> Errors:
    """Imports a file's weights, runs our model and compares.

    Raises:
      AssertionError: the weights do not come back as they were, or something has a gradient that should have none.
    """
    fixture = read_fixture(path)
    name = fixture.meta["method"]
    case = importlib.import_module(f"tests.zoo.cases.{name}")
    if hasattr(case, "evaluate"):
        return _prove_loss(case, fixture)
    arguments = getattr(case, "read_arguments", lambda fixture: fixture.meta["args"])(fixture)
    model, variables, _ = methods.import_weights(name, fixture.state_dict, arguments)
    names = methods.find_method(name).list_names(model)
    _check_round_trip(names, methods.export_weights(name, model, variables), fixture)
    ins = fixture.kinds["in"]
    graded = tuple(sorted(fixture.kinds.get("gradin", {})))
    given = {key: ins[key] for key in graded}
    found = jax.device_get(_run(case, model, variables, given, ins, _count_calls(fixture)))
    gradients = torch_names.write_weights(names, {**variables, "params": found["gradients"]})
    count = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    constants = sum(
        fixture.kinds["param"][key].size for key in names if not names[key].path and key in fixture.kinds["param"]
    )
    return Errors(
        outputs=_compare_outputs(case, found["outputs"], fixture.kinds["out"], ins),
        loss=abs(found["losses"][0] - fixture.kinds["loss"][""]) / OUTPUT,
        gradients=max(
            _compare_gradients(
                {k: g for k, g in gradients.items() if names[k].path[:1] == ("params",)}, fixture, "grad"
            ),
            _compare_gradients(found["input_gradients"], fixture, "gradin"),
        ),
        adam=_compare_adam(found["losses"], fixture),
        trained=_compare_trained(case, found, fixture, names, ins),
        parameters=count + constants - fixture.meta["parameters"],
    )


def _prove_loss(case, fixture):
    ins, arguments = fixture.kinds["in"], fixture.meta["args"]
    given = {key: ins[key] for key in fixture.kinds.get("gradin", {})}
    evaluate = jax.value_and_grad(lambda given: case.evaluate({**ins, **given}, arguments), has_aux=True)
    graded = jax.jit(evaluate, compiler_options=COMPILED_FAST)
    (loss, outputs), gradients = graded(given)
    outputs = [_measure(np.asarray(outputs[name]), value) for name, value in fixture.kinds.get("out", {}).items()]
    found = _compare_gradients({name: np.asarray(g) for name, g in gradients.items()}, fixture, "gradin")
    return Errors(
        max(outputs, default=0.0) / OUTPUT, _measure(loss, fixture.kinds["loss"][""]) / OUTPUT, found, 0, 0, 0
    )


@functools.partial(jax.jit, static_argnums=(0, 1, 5), compiler_options=COMPILED_FAST)
def _run(case, model, variables, given, ins, calls):
    """Everything that is compared, in one program. Adam moves one vector: a kernel a tensor takes long to compile."""
    statistics = {key: value for key, value in variables.items() if key != "params"}

    def compute(params, given):
        inputs, masks = case.prepare({**ins, **given})
        outputs = model.apply({"params": params, **statistics}, inputs, masks, train=False)
        return case.compute_loss(outputs, {**ins, **given}, params), outputs

    graded = jax.value_and_grad(compute, argnums=(0, 1), has_aux=True)
    start, unravel = ravel_pytree(variables["params"])

    def step(carry, _):
        params, state = carry
        (loss, outputs), (tree, of_inputs) = graded(unravel(params), given)
        gradients = ravel_pytree(tree)[0]
        updates, state = ADAM.update(gradients, state)
        return (optax.apply_updates(params, updates), state), (loss, outputs, gradients, of_inputs)

    _, (losses, *first) = jax.lax.scan(step, (start, ADAM.init(start)), length=STEPS)
    outputs, gradients, of_inputs = jax.tree.map(lambda x: x[0], first)
    found = dict(losses=losses, outputs=outputs, gradients=unravel(gradients), input_gradients=of_inputs)
    for _ in range(calls):
        inputs, masks = case.prepare(ins)
        rngs = {"dropout": jax.random.key(0)}
        still = model.clone(**getattr(case, "NO_DROPOUT", {}))
        found["trained"] = still.apply(variables, inputs, masks, train=True, rngs=rngs, mutable=["batch_stats"])
        variables = {**variables, **found["trained"][1]}
    return found


def _count_calls(fixture):
    """How often the authors' model was called in train mode before its running moments were noted."""
    counters = [v for k, v in fixture.kinds.get("train_buffer", {}).items() if k.endswith("num_batches_tracked")]
    return int(max(counters, default="train_out" in fixture.kinds))


def _check_round_trip(names, back, fixture):
    """All arrays come back as they were, but for buffers that are not kept, such as counters."""
    assert back.keys() == fixture.state_dict.keys()
    for key, value in fixture.state_dict.items():
        if names[key].path or key in fixture.kinds["param"]:
            np.testing.assert_array_equal(back[key], value, err_msg=key)


def _get_output(case, name, outputs, ins):
    ours = case.OUTPUTS[name]
    return ours(outputs, ins) if callable(ours) else outputs[ours]


def _compare_outputs(case, outputs, expected, ins):
    worst = 0.0
    for name, value in expected.items():
        found = np.asarray(_get_output(case, name, outputs, ins))
        assert found.size == value.size, f"{name}: ours {found.shape}, theirs {value.shape}"
        worst = max(worst, _measure(found.reshape(value.shape), value) / OUTPUT)
    return worst


def _measure(found, value):
    """The greatest error, relative where values are above 1."""
    return float(np.max(np.abs(found - value) / np.maximum(1.0, np.abs(value)), initial=0.0))


def _compare_gradients(found, fixture, kind):
    expected, worst = fixture.kinds.get(kind, {}), 0.0
    relative = max(GRADIENT[1], fixture.meta.get("gradient_tolerance", 0.0))
    for name, gradient in found.items():
        if name not in expected:
            assert not np.any(gradient), f"{name} has a gradient, but the authors' has none"
            continue
        allowed = GRADIENT[0] + relative * np.abs(expected[name]).max(initial=0.0)
        worst = max(worst, float(np.abs(gradient - expected[name]).max(initial=0.0)) / allowed)
    return worst


def _compare_adam(losses, fixture):
    expected = fixture.kinds.get("adam")
    if not expected:
        return 0.0
    theirs = np.append(expected["losses"], expected["loss_after"])
    return _measure(np.asarray(losses), theirs) / ADAM_LOSS


def _compare_trained(case, found, fixture, names, ins):
    if "trained" not in found:
        return 0.0
    outputs, updated = found["trained"]
    worst = _compare_outputs(case, outputs, fixture.kinds["train_out"], ins)
    for name, value in fixture.kinds.get("train_buffer", {}).items():
        weight = names[name]
        if weight.path:
            ours = functools.reduce(lambda tree, key: tree[key], weight.path[1:], updated["batch_stats"])
            worst = max(worst, _measure(weight.layout.write(np.asarray(ours)), value) / OUTPUT)
    return worst


def is_known(method: str) -> bool:
    """Whether there is a case for a method."""
    return importlib.util.find_spec(f"tests.zoo.cases.{method}") is not None


def main(paths: list[str]) -> None:
    """Prints a line a file; files of methods without a converter are named."""
    print(f"{'file':28}" + "".join(f"{field:>12}" for field in Errors._fields))
    for path in map(Path, paths):
        if not is_known(read_meta(path)["method"]):
            print(f"{path.stem:28}  no converter")
            continue
        print(f"{path.stem:28}" + "".join(f"{value:12.3g}" for value in prove(path)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
