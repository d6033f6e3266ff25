"""Training steps of the fusion methods, ours against PyTorch's, and how long each method of the zoo compiles.

    python -m benchmarks.zoo                       # in the environment of `make bench`: all, into benchmarks/ZOO.md
    python -m benchmarks.zoo --only=mult,misa      # these; the others keep what they had
    python -m benchmarks.zoo --only=compile        # compile times alone, which need no PyTorch; compile-mult of one
    python -m benchmarks.zoo --steps=runs/zoo      # steps of the studies of a run, into its steps.json, for its report

Both sides of a method are in one process on one core, with the same weights (`zoo_cases`): it checks that the losses
agree, then takes their steps in turns and counts processor time, so that neighbours hardly matter. A compile time is
the processor time of tracing and compiling a training step on one core, with nothing cached; two cores take less. The
time on the clock stands beside it: it has that of other programs in it. Two shares say what a step of ours consists of:
its matrix products at the rate of large ones, and Adam's pass over the weights, timed alone.
"""

import argparse
import functools
import importlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import processor, today
from benchmarks.zoo_page import write_page

FOLDER = Path(__file__).parent
RECORD, PAGE = FOLDER / "results" / "zoo" / "cpu-one-core.json", FOLDER / "ZOO.md"
ROUNDS, SECONDS, STEPS = 5, 0.4, 20
"""Blocks of a side, how long one of PyTorch's is, and steps of a block of a run's study."""
COMPILE = "compile"


def time_method(name: str) -> dict[str, Any]:
    """Times one method in this process.

    Raises:
      SystemExit: the two sides do not compute the same.
    """
    import torch

    from affect_jax import convert
    from benchmarks import shares
    from benchmarks.torch_names import read_parameters
    from benchmarks.zoo_cases import METHODS, draw, get_weights

    torch.set_num_threads(1)
    torch.manual_seed(0)
    method = METHODS[name]
    module, arrays = method.build(), draw(method)
    inputs = {key: torch.tensor(x) for key, x in arrays.items()}
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], fused=True)

    def update(steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            method.loss(module, inputs).backward()
            optimizer.step()

    if method.model:
        ours = make_ours(importlib.import_module(f"affect_jax.models.fusion.{name}").Model(**method.model), arrays)
    else:
        model, variables, _ = convert.import_weights(name, get_weights(method, module), method.arguments)
        ours = OurSide(model, variables, importlib.import_module(f"tests.zoo.cases.{name}"), arrays)
    count = sum(p.numel() for p in module.parameters())
    with torch.no_grad():
        theirs = float(method.loss(module.eval(), inputs))
    if method.names:
        ours.adopt(lambda params: read_parameters(params, module, method.names))
    is_compared = method.names or not method.model
    error = abs(ours.evaluate() - theirs) / max(1.0, abs(theirs)) if is_compared else None
    if error is not None and error > 1e-4:
        raise SystemExit(f"error: {name}: PyTorch's loss is {theirs}, ours {ours.evaluate()}; they must be the same")
    module.train()
    update(2)
    steps = max(2, round(SECONDS / max(measure(lambda: update(3)) / 3, 1e-4)))
    begin = time.monotonic()
    compiled = measure(lambda: ours.compile(steps))
    wall = time.monotonic() - begin
    ours.run()
    seconds: dict[str, list[float]] = {"ours": [], "pytorch": []}
    for _ in range(ROUNDS):
        seconds["pytorch"].append(measure(lambda: update(steps)) / steps)
        seconds["ours"].append(measure(ours.run) / steps)
    return {
        "sizes": method.sizes,
        "parameters": [ours.parameters, count],
        "loss_error": error,
        "products": ours.products,
        "rate": measure_rate(),
        "shares": shares.measure(ours.run, ours.program, steps * statistics.median(seconds["ours"])),
        "seconds": seconds,
        "compile": compiled,
        "wall": wall,
        "versions": {"torch": torch.__version__, "jax": importlib.import_module("jax").__version__},
    }


def measure_rate() -> float:
    """Floating-point operations a second of PyTorch's products of matrices of 1,024 x 1,024."""
    import torch

    a, b = (torch.randn(1024, 1024) for _ in range(2))
    return 2.0 * 1024**3 / min(measure(lambda: a @ b) for _ in range(9))


def measure(call: Callable[[], Any]) -> float:
    """Processor seconds of all threads."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


class OurSide:
    """Our model and a scan of its training steps with Adam.

    Attributes:
      parameters: how many it has.
      products: floating-point operations in the matrix products of a step, once it is compiled.
    """

    def __init__(self, model: Any, variables: Any, case: Any, arrays: Mapping[str, Any]):
        import jax
        import jax.numpy as jnp

        self._model, self._case = model, case
        self._arrays = {key: jnp.asarray(x) for key, x in arrays.items()}
        self._params = variables["params"]
        self._statistics = {key: x for key, x in variables.items() if key != "params"}
        self.parameters = sum(x.size for x in jax.tree.leaves(self._params))

    def _compute(self, params: Any, statistics: Any, key: Any, arrays: Any) -> Any:
        """The loss, and the running statistics; without a key as in evaluation."""
        inputs, masks = self._case.prepare(arrays)
        variables, changed = {"params": params, **statistics}, statistics
        if key is None:
            outputs = self._model.apply(variables, inputs, masks, train=False)
        else:
            options = dict(train=True, rngs={"dropout": key}, mutable=["batch_stats"])
            outputs, changed = self._model.apply(variables, inputs, masks, **options)
        return self._case.compute_loss(outputs, arrays, params), changed

    def adopt(self, change: Callable[[Any], Any]) -> None:
        """Takes other weights, which `change` makes of its own."""
        self._params = change(self._params)

    def evaluate(self) -> float:
        """The loss without dropout."""
        import jax

        program = jax.jit(lambda p, s, arrays: self._compute(p, s, None, arrays)[0])
        return float(program(self._params, self._statistics, self._arrays))

    def compile(self, steps: int) -> None:
        """Compiles a scan of so many steps."""
        import jax
        import optax

        from benchmarks import products, shares

        adam = optax.adam(1e-3)

        def update(carry: Any, key: Any, arrays: Any) -> Any:
            params, statistics, state = carry
            graded = jax.value_and_grad(self._compute, has_aux=True)
            (loss, statistics), gradients = graded(params, statistics, key, arrays)
            with jax.named_scope(shares.ADAM):
                changes, state = adam.update(gradients, state)
                params = optax.apply_updates(params, changes)
            return (params, statistics, state), loss

        carry = self._params, self._statistics, adam.init(self._params)
        self._carry = jax.tree.map(jax.numpy.array, carry)
        self._keys = jax.random.split(jax.random.key(0), steps)

        def take_steps(carry: Any, keys: Any, arrays: Any) -> Any:  # not constants, which XLA would fold for seconds
            return jax.lax.scan(lambda carry, key: update(carry, key, arrays), carry, keys)

        traced = jax.jit(take_steps, donate_argnums=0).trace(self._carry, self._keys, self._arrays)
        self.products = products.count(traced.jaxpr) / steps
        self._block = traced.lower().compile()

    @property
    def program(self) -> str:
        """XLA's text of the compiled steps."""
        return self._block.as_text()

    def run(self) -> float:
        """Takes the steps; the last loss, which also waits for them."""
        self._carry, losses = self._block(self._carry, self._keys, self._arrays)
        return float(losses[-1])


class _Own:
    """A case of a model of ours: its own modalities, a label or a number for each example or step."""

    def __init__(self, modalities: Any, masks: Mapping[str, Any] | None):
        self._modalities, self._masks = modalities, masks

    def prepare(self, ins: Any) -> Any:
        """Without masks nothing is padded."""
        import jax.numpy as jnp

        inputs = {m: ins[m] for m in self._modalities}
        masks = self._masks or {m: jnp.ones(x.shape[:-1], bool) for m, x in inputs.items()}
        return inputs, {m: masks[m] for m in inputs}

    def compute_loss(self, outputs: Any, ins: Any, params: Any) -> Any:
        """Of numbers the absolute error; of classes the cross entropy, of branches of each."""
        import jax.numpy as jnp

        from affect_jax.losses.classification import cross_entropy

        if "logits" not in outputs:
            return jnp.abs(outputs["prediction"] - ins.get("target", ins.get("label"))).mean()
        heads = [y for key, y in outputs.items() if key.startswith("logits/")] or [outputs["logits"]]
        labels = jnp.asarray(ins["label"]).astype(jnp.int32)
        return sum(cross_entropy(y, labels).mean() for y in heads)


def make_ours(model: Any, arrays: Mapping[str, Any], masks: Mapping[str, Any] | None = None) -> OurSide:
    """A model with first weights of its own."""
    import jax

    case = _Own(model.modalities if hasattr(model, "modalities") else (model.modality,), masks)
    inputs, masks = case.prepare(arrays)
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    start = jax.jit(lambda keys: model.init(keys, inputs, masks, train=False))
    return OurSide(model, start(keys), case, arrays)


def time_compiling(name: str) -> dict[str, Any]:
    """Compiles a training step of a method of configs/zoo.py, 128 wide, on three sequences of 50 steps."""
    import numpy as np

    from affect_jax.config.models import list_models
    from configs import zoo

    sizes = dict(text=300, audio=5, video=20)
    if name in zoo.OF_RAVDESS:
        sizes = dict(mfcc=120, action_units=35)
    place = zoo.Place(tuple(sizes), tuple(sizes), 2, 128, shares_steps=True)
    fields = dict(zoo.FUSION[name](place)["model"])
    model = importlib.import_module(list_models()[fields.pop("name")]).Model(**fields)
    rng, steps = np.random.default_rng(0), 400 if name in zoo.OF_RAVDESS else 50
    arrays = {m: rng.standard_normal((32, steps, d)).astype(np.float32) for m, d in sizes.items()}
    side = make_ours(model, arrays | {"label": rng.integers(2, size=32)})
    begin = time.monotonic()
    return {
        "compile": measure(lambda: side.compile(2)),
        "wall": time.monotonic() - begin,
        "parameters": side.parameters,
    }


def time_study(run: str, name: str) -> dict[str, Any]:
    """A training step of a study of a run, with a batch of its corpus."""
    import jax.numpy as jnp

    from affect_jax.config.load import read_experiment
    from affect_jax.config.models import make_model
    from affect_jax.data import corpus as corpora
    from affect_jax.data import folds as folding
    from affect_jax.data import splits

    experiment = read_experiment(Path(run))
    study = next(study for study in experiment.studies if study.name == name)
    recordings = splits.load_recordings(experiment.corpus)
    developed = recordings.splits["train"] + recordings.splits.get("validation", [])
    part = splits.build_split(developed, experiment.data)
    members = splits.make_folds(recordings, experiment.trials.folds)[:1]
    folds = folding.build_folds(part.corpus, part.index, members, splits.choose_standardized(experiment.data))
    moments = folds.select_moments(jnp.int32(0))
    batch = corpora.take_batch(part.corpus, jnp.arange(study.stages[-1].batch), *moments)
    side = make_ours(make_model(study.model), batch["inputs"] | {"label": batch["target"]}, batch["masks"])
    side.compile(STEPS)
    side.run()
    seconds = [measure(side.run) / STEPS for _ in range(ROUNDS)]
    return {"parameters": side.parameters, "seconds": statistics.median(seconds)}


def time_run(run: Path) -> None:
    """Writes steps.json of a run, a study after another."""
    from affect_jax.config.load import read_experiment
    from affect_jax.reports.league import STEPS as FILE

    path = run / FILE
    steps = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for study in read_experiment(run).studies:
        if study.name not in steps:
            print(f"{study.name} ...", file=sys.stderr)
            steps[study.name] = run_worker("steps", study.name, f"--steps={run}")
            path.write_text(json.dumps(steps, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}")


def run_worker(kind: str, name: str, *flags: str) -> dict[str, Any]:
    """Times one method in a process of its own, which keeps to one core."""
    command = [sys.executable, "-m", "benchmarks.zoo", f"--worker={kind}", f"--only={name}", *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)} failed")
    return json.loads(done.stdout.splitlines()[-1]) | {"load": os.getloadavg()[0], "date": today()}


def fork_compiling(name: str) -> dict[str, Any]:
    """`time_compiling` in a fork of this process, which has imported everything and compiled nothing."""
    importlib.import_module("optax")
    importlib.import_module("affect_jax.config.models")
    context = multiprocessing.get_context("fork")
    answer, question = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(name, question))
    process.start()
    question.close()
    try:
        values = answer.recv()
    except EOFError:
        raise SystemExit(f"error: compiling {name} failed") from None
    process.join()
    return values | {"load": os.getloadavg()[0], "date": today()}


def _answer(name: str, question: Any) -> None:
    _prepare_worker()
    question.send(time_compiling(name))


def _prepare_worker() -> None:
    """One core, before jax looks for its devices."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from affect_jax.runtime import startup

    startup.use_all_cores()


def put(kind: str, name: str, values: dict[str, Any]) -> None:
    """Writes the values into the record, as it is by now, and the page anew."""
    RECORD.parent.mkdir(exist_ok=True, parents=True)
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    record = {"machine": processor(), "methods": record.get("methods", {}), "compile": record.get("compile", {})}
    record[kind] = dict(sorted({**record[kind], name: values}.items()))
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    write_page(record, PAGE)


def main() -> None:
    """Times what is asked for and writes the record and the page after every method."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="methods by commas; compile, compile-METHOD: its compile time")
    parser.add_argument("--steps", default="", help="a run folder of one label for each example, whose studies to time")
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        _prepare_worker()
        timed = {"methods": time_method, "steps": functools.partial(time_study, asked.steps)}
        print(json.dumps(timed[asked.worker](asked.only)))
        return
    if asked.steps:
        time_run(Path(asked.steps))
        return
    from configs import zoo

    chosen = asked.only.split(",") if asked.only else []
    apart = f"{COMPILE}-"
    work = [(COMPILE, name.removeprefix(apart)) for name in chosen if name.startswith(apart)]
    work += [("methods", name) for name in chosen if not name.startswith(COMPILE)]
    if not chosen:
        from benchmarks.zoo_cases import METHODS  # needs PyTorch

        work = [("methods", name) for name in METHODS]
    if not chosen or COMPILE in chosen:
        work += [(COMPILE, name) for name in zoo.FUSION]
    for kind, name in work:
        print(f"{kind} {name} ...", file=sys.stderr)
        put(kind, name, fork_compiling(name) if kind == COMPILE else run_worker(kind, name))
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
