"""Our side: the shipped configs, models, losses and engine; only the data are made here."""

import importlib
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.config.hyper import replace_hyper
from affect_jax.config.load import resolve_document
from affect_jax.config.models import make_model
from affect_jax.config.schema import Experiment, Study
from affect_jax.config.stages import Stage
from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.datasets.recordings import Recording
from affect_jax.training import keys, loop, mesh, objective, state, step, trials
from affect_jax.training.optimizer import make_transform
from benchmarks import products
from benchmarks.cases import VALIDATION, Case, FusionCase, ProductCase, SpeechCase, spreads
from benchmarks.data import clips, examples, utterances
from benchmarks.studies import StudyCase


def recordings(case: Case | SpeechCase | FusionCase, target: str) -> list[Recording]:
    """The case's recordings; of speech, enough for one batch and one clip to select by."""
    if isinstance(case, FusionCase):
        all_of = utterances(case)
        made = [({m: x[n] for m, x in all_of.features.items()}, label[None]) for n, label in enumerate(all_of.target)]
    elif isinstance(case, SpeechCase):
        waves, targets = clips(case, case.batch + 1)
        made = [({"speech": wave}, label[None]) for wave, label in zip(waves, targets, strict=True)]
    else:
        made = [(example.features, example.target) for example in examples(case)]
    return [
        Recording(
            id=f"r{number}",
            group=f"r{number}",
            steps=tuple(f"r{number}_{t}" for t in range(len(labels))),
            features=features,
            targets={target: labels},
        )
        for number, (features, labels) in enumerate(made)
    ]


def load_published(file: str, argument: str) -> Experiment:
    """The experiment of a config with the sizes and the schedule of the release: without what it has otherwise on the
    small synthetic corpus, which the benchmarks have nothing to do with."""
    document = importlib.import_module(f"configs.{file}").get_config(argument).to_dict()
    document.pop("synthetic", None)
    return resolve_document(document)


class Loaded(NamedTuple):
    """A case as the engine has it.

    Attributes:
      experiment: of the case's config.
      study: that the case is a step of.
      model: the study's module.
      stage: that is timed.
      corpus: the case's recordings.
      folds: one fold over them.
    """

    experiment: Experiment
    study: Study
    model: nn.Module
    stage: Stage
    corpus: corpora.Corpus
    folds: folding.Folds


def load(case: Case | SpeechCase | FusionCase, precision: str = "float32") -> Loaded:
    """The case's config, and its recordings."""
    experiment = load_published(*case.config)
    data = experiment.data
    name, held_out, modalities = "teachers", VALIDATION, data.modalities
    if isinstance(case, SpeechCase):
        name, held_out = "conflictnet", 1
    elif isinstance(case, FusionCase):
        name, held_out, modalities = case.attention, 1, tuple(case.sizes)  # the config has prosody too, for baselines
    study = next(study for study in experiment.studies if study.name == name)
    corpus, index = corpora.build_corpus(
        recordings(case, data.target),
        modalities=modalities,
        target=data.target,
        unit=data.unit,
        window=data.window or 0,
        hop=data.hop or 0,
    )
    split = folding.FoldMembers("bench", index.recordings[:-held_out], index.recordings[-held_out:])
    folds = folding.build_folds(corpus, index, [split], dict.fromkeys(corpus.inputs, True))
    stage = next(stage for stage in study.stages if stage.name == case.stage)
    return Loaded(experiment, study, make_model(study.model), stage._replace(precision=precision), corpus, folds)


def make_trial(loaded: Loaded, seed: int, weights: Mapping[str, float]) -> trials.Trial:
    """The whole model with this seed and these weights of the stage's losses."""
    changed = {f"stages.{loaded.stage.name}.losses.{loss}.weight": weight for loss, weight in weights.items()}
    hyper = replace_hyper(loaded.study.hyper, changed, "the benchmark's grid")
    return trials.Trial("bench", fold=0, seed=seed, hyper=hyper)


class Products:
    """Blocks of products of two square matrices."""

    def __init__(self, case: ProductCase, precision: str):
        size = case.size(jax.default_backend(), precision)
        draw = np.random.default_rng(0)
        self._a, self._b = (jnp.asarray(draw.standard_normal((size, size), np.float32), precision) for _ in range(2))
        self._product = jax.jit(jnp.matmul)
        self.parameters, self.products = 0, 2.0 * size**3

    def run(self, steps: int) -> float:
        """Takes so many products; an element of the last one, which also waits for the device."""
        for _ in range(steps):
            product = self._product(self._a, self._b)
        return float(product[0, 0])


class Steps:
    """Blocks of steps of one case: the engine's update in a scan, as an epoch of one row has it, or predictions; on so
    many devices as `cases.spreads` says, over which the batch lies."""

    def __init__(self, case: Case | SpeechCase | FusionCase, precision: str = "float32"):
        loaded = load(case, precision)
        _, _, model, staged, corpus, folds = loaded
        self.devices = len(jax.devices()) if spreads(case) else 1
        where = mesh.make_mesh(self.devices, self.devices)
        arrays = trials.stack_trials([make_trial(loaded, 0, {})])
        shapes = loop.trace_shapes(model, corpus, folds)
        names = objective.collect_names(shapes.outputs, shapes.batch)
        train = True if isinstance(case, Case) else case.train
        plan = step.StagePlan(model, staged, "regression", 1)  # task and evaluation play no part in a step

        def start(shared: Any, row: trials.TrialArrays) -> tuple[Any, state.TrialState]:
            batch = corpora.take_batch(shared.corpus, jnp.arange(2), *shared.folds.select_moments(row.fold))
            key = keys.derive_key(jax.random.key(row.seed), "init")
            parts = step.join_variables(model.init(key, batch["inputs"], batch["masks"], train=False))
            trained, statistics, frozen = step.split_submodules(parts, staged.train)
            opt_state = make_transform(staged, row.hyper[staged.name]).init(trained)
            return frozen, state.create_state(
                trained, statistics, opt_state, objective.init_loss_state(staged.terms, names)
            )

        def update(shared: Any, row: trials.TrialArrays, frozen: Any, now: state.TrialState, index: jax.Array) -> Any:
            batch = step.take_training_batch(plan, shared, row.fold, index)
            now, terms = step.train_step(plan, row, frozen, now, batch, jax.random.key(row.seed))
            return now, terms["loss"]

        def predict(shared: Any, row: trials.TrialArrays, frozen: Any, now: state.TrialState, index: jax.Array) -> Any:
            params, moments = {**frozen, **now.params, **now.statistics}, shared.folds.select_moments(row.fold)
            predicting = step.PredictionPlan(model, (staged.prediction,), len(index))
            predictions = step.predict_examples(predicting, params, shared.corpus, index, moments)
            return now, predictions.outputs[staged.prediction].sum()

        def block(shared: Any, row: trials.TrialArrays, frozen: Any, now: state.TrialState, index: jax.Array) -> Any:
            one_step = update if train else predict
            now, losses = jax.lax.scan(lambda now, index: one_step(shared, row, frozen, now, index), now, index)
            return now, losses[-1]

        self._block, self._compiled = mesh.map_over_trials(where, 1, block, donate=3), {}
        self._put = lambda tree: mesh.shard_trials(where, tree)
        self._shared, self._row = mesh.replicate(where, folding.FoldedCorpus(corpus, folds)), self._put(arrays)
        self._frozen, self._state = mesh.map_over_trials(where, 1, start)(self._shared, self._row)
        examples = np.asarray(folds.train[0])
        self.train, self._batch = examples[examples >= 0], case.batch
        self._random = np.random.default_rng(0)
        self.parameters = sum(x.size for x in jax.tree.leaves(self._state.params))

    def _trace(self, index: np.ndarray) -> Any:
        return self._block.trace(self._shared, self._row, self._frozen, self._state, self._put(index[None]))

    def run(self, steps: int) -> float:
        """Takes so many steps; the last loss (or a sum of predictions), which also waits for the device."""
        index = self._random.choice(self.train, (steps, self._batch)).astype(np.int32)
        if steps not in self._compiled:
            traced = self._trace(index)
            self.products = products.count(traced.jaxpr) / steps
            self._compiled[steps] = traced.lower().compile()
        arguments = self._shared, self._row, self._frozen, self._state, self._put(index[None])
        self._state, loss = self._compiled[steps](*arguments)
        return float(loss[0])

    def count(self) -> float:
        """Floating-point operations in the matrix products of a step, without compiling it."""
        return products.count(self._trace(np.zeros((1, self._batch), np.int32)).jaxpr)

    def memory(self, steps: int) -> int:
        """Bytes that a block of so many steps holds by XLA's plan: arguments (the data among them), results and what is
        between, on all devices together. `run` comes first."""
        plan = self._compiled[steps].memory_analysis()
        sizes = plan.argument_size_in_bytes, plan.output_size_in_bytes, plan.temp_size_in_bytes
        return self.devices * (sum(sizes) - plan.alias_size_in_bytes)

    def program(self, steps: int) -> str:
        """XLA's text of the compiled block of so many steps. `run` comes first."""
        return self._compiled[steps].as_text()


def steps_of(case: ProductCase | Case | SpeechCase | FusionCase, precision: str) -> Products | Steps:
    """What runs the case."""
    return Products(case, precision) if isinstance(case, ProductCase) else Steps(case, precision)


def trial_products(study_case: StudyCase, precision: str = "float32") -> float:
    """Floating-point operations in the matrix products of an epoch of a row's updates, without its validation."""
    steps = Steps(study_case.case, precision)
    return steps.count() * -(-len(steps.train) // study_case.case.batch)


def fit_trials(study_case: StudyCase, numbers: list[int], epochs: int, precision: str = "float32") -> list[float]:
    """Trains these trials as one program; the seconds at which each epoch of all of them ended.

    Raises:
      SystemExit: a trial stopped because its loss was not finite: what is left to do is less then.
    """
    loaded = load(study_case.case, precision)
    ended: list[float] = []
    chosen = [study_case.trial(number) for number in numbers]
    fitted = loop.fit_study(
        loaded.model,
        [loaded.stage._replace(epochs=epochs, patience=0)],
        loaded.experiment.task,
        loaded.corpus,
        loaded.folds,
        [make_trial(loaded, one.seed, one.weights) for one in chosen],
        loop.Engine(
            mesh.make_mesh(),
            mesh.choose_trials_at_once(0),
            loaded.experiment.data.eval_size,
            checkpoint_seconds=1e9,
        ),
        listener=loop.Listener(lambda done: ended.append(time.perf_counter()), lambda stage, epoch: None),
    )
    if not fitted.finite.all():
        raise SystemExit(
            f"error: {study_case.name}: {(~fitted.finite).sum()} trials are not finite; their time means nothing"
        )
    return ended


def device_memory() -> int | None:
    """Peak bytes on the accelerator; None on a CPU."""
    return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use") if jax.default_backend() != "cpu" else None


def versions() -> dict[str, str]:
    """What the table names."""
    device = jax.devices()[0]
    return {"jax": jax.__version__, "device": device.device_kind, "devices": str(jax.device_count())}
