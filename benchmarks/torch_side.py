"""The PyTorch side: eager modules (or `torch.compile`) in the usual loop, batches ready in memory."""

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.cases import BATCH, VALIDATION, Case, ProductCase
from benchmarks.data import examples
from benchmarks.studies import StudyCase, Trial
from benchmarks.torch_losses import ccc, dcca, masked_mean
from benchmarks.torch_models import Sew, Student, Teacher

DROPOUT = 0.3
RATES = {"regression": 1e-5, "binary": 1e-4}


class Arrays(NamedTuple):
    """N examples: weaker [N, T, D], stronger [N, T, D'], target [N, T], mask [N, T]; SEW's have no T."""

    weaker: Tensor
    stronger: Tensor
    target: Tensor
    mask: Tensor

    def take(self, index: Tensor) -> "Arrays":
        """The examples `index`."""
        return Arrays(*(part[index] for part in self))


def arrays(case: Case, device: torch.device) -> Arrays:
    """The case's recordings, padded."""
    made = examples(case)
    if case.stage == "fit":
        parts = [np.concatenate([e.features[m] for e in made]) for m, _ in (case.weaker, case.stronger)]
        target = np.concatenate([e.target for e in made])
        return Arrays(*(torch.tensor(x, device=device) for x in (*parts, target, np.ones_like(target))))

    def pad(x: np.ndarray) -> np.ndarray:
        return np.pad(x, [(0, case.frames - len(x)), *[(0, 0)] * (x.ndim - 1)])

    parts = [np.stack([pad(e.features[m]) for e in made]) for m, _ in (case.weaker, case.stronger)]
    target = np.stack([pad(e.target) for e in made])
    mask = np.stack([pad(np.ones_like(e.target)) for e in made])
    return Arrays(*(torch.tensor(x, device=device) for x in (*parts, target, mask)))


def lowered(precision: str, device: torch.device) -> contextlib.AbstractContextManager:
    """What a model trains under: autocast to bfloat16, or nothing."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext()


def prediction_loss(case: Case, logits: Tensor, batch: Arrays) -> Tensor:
    """Binary cross-entropy, or squared error after tanh."""
    if case.task == "binary":
        values = F.binary_cross_entropy_with_logits(logits, batch.target, reduction="none")
    else:
        values = (torch.tanh(logits) - batch.target) ** 2
    return masked_mean(values, batch.mask)


class Model(NamedTuple):
    """What a case trains: a module, its loss on a batch and its optimizer; `teacher` stands still."""

    module: nn.Module
    teacher: nn.Module | None
    loss: Callable[[Arrays], Tensor]
    optimizer: torch.optim.Optimizer


def make(
    case: Case,
    device: torch.device,
    *,
    compiled: bool,
    fused: bool,
    weights: Mapping[str, float] | None = None,
    precision: str = "float32",
) -> Model:
    """Builds the case's model in this precision, its loss (SEW's with these weights) in float32, and its optimizer."""
    weights = weights or {}
    if case.stage == "fit":
        module: nn.Module = Sew((case.weaker[1], 512, 256, 128), (case.stronger[1], 108, 128), (108, case.stronger[1]))
        teacher = None
        optimizer: Any = torch.optim.SGD
        options = dict(lr=1e-3, momentum=0.7, weight_decay=1e-4)
    else:
        teacher = Teacher(case.stronger[1], 1, case.frames, DROPOUT)
        if case.stage == "student":
            module = Student(case.weaker[1], case.stronger[1], 2, case.frames, DROPOUT)
            teacher = teacher.to(device).eval().requires_grad_(False)
        else:
            module, teacher = teacher, None
        optimizer = torch.optim.Adam
        options = dict(lr=RATES[case.task])
    module.to(device).train()

    def padding(batch: Arrays) -> Tensor | None:
        return batch.mask == 0 if case.ragged else None

    def outputs(*inputs: Tensor | None) -> dict[str, Tensor]:
        with lowered(precision, device):
            found = module(*inputs)
        return {name: x.float() for name, x in found.items()}

    def sew_loss(batch: Arrays) -> Tensor:
        out = outputs(batch.weaker, batch.stronger)
        alignment = dcca(out["latent/weaker"], out["latent/stronger"], batch.mask)
        translation = masked_mean((out["translation"] - batch.stronger) ** 2, batch.mask)
        reconstruction = masked_mean((out["reconstruction"] - batch.stronger) ** 2, batch.mask)
        terms = {"translation": translation, "reconstruction": reconstruction, "alignment": alignment}
        losses = {f"{name}_{case.stronger[0]}": term for name, term in terms.items()}  # as our config calls them
        prediction = masked_mean((out["prediction"] - batch.target) ** 2, batch.mask)
        return prediction + sum(weights.get(name, 1.0) * value for name, value in losses.items())

    def teacher_loss(batch: Arrays) -> Tensor:
        return prediction_loss(case, outputs(batch.stronger, padding(batch))["logits"], batch)

    def student_loss(batch: Arrays) -> Tensor:
        with torch.no_grad(), lowered(precision, device):
            guide = teacher.encoder(batch.stronger, padding(batch)).float()
        out = outputs(batch.weaker, padding(batch))
        alignment = dcca(out["latent/weaker"], guide, batch.mask)
        translation = masked_mean((out["translation"] - batch.stronger).abs(), batch.mask)
        return prediction_loss(case, out["logits"], batch) + 0.1 * alignment + 0.1 * translation

    loss = {"fit": sew_loss, "teacher": teacher_loss, "student": student_loss}[case.stage.partition("_")[0]]
    # None: torch's default, a loop over parameters on a CPU and one call for groups of them on a GPU.
    made = optimizer(module.parameters(), fused=fused or None, **options)
    return Model(module, teacher, torch.compile(loss) if compiled else loss, made)


def use_device() -> torch.device:
    """The GPU where there is one; with TF32 products then, as jax has them by default."""
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
        return torch.device("cuda")
    return torch.device("cpu")


def update(model: Model, batch: Arrays) -> Tensor:
    """One training step; its loss."""
    model.optimizer.zero_grad(set_to_none=True)
    loss = model.loss(batch)
    loss.backward()
    model.optimizer.step()
    return loss.detach()


class Products:
    """Blocks of products of two square matrices."""

    def __init__(self, case: ProductCase, precision: str):
        device = use_device()
        size = case.size(device.type, precision)
        self._a, self._b = (torch.randn(size, size, device=device).to(getattr(torch, precision)) for _ in range(2))
        self.parameters, self.products = 0, 2.0 * size**3

    def run(self, steps: int) -> float:
        """Takes so many products; an element of the last one, which also waits for the device."""
        for _ in range(steps):
            product = self._a @ self._b
        return float(product[0, 0])


class Steps:
    """Blocks of training steps of one case."""

    def __init__(self, case: Case, compiled: bool, fused: bool, precision: str):
        torch.manual_seed(0)
        device = use_device()
        data = arrays(case, device)
        self._model = make(case, device, compiled=compiled, fused=fused, precision=precision)
        self._batches = [data.take(torch.randperm(len(data.target))[:BATCH].to(device)) for _ in range(4)]
        self.parameters = sum(p.numel() for p in self._model.module.parameters())

    def run(self, steps: int) -> float:
        """Takes so many steps; the last loss, which also waits for the device."""
        for number in range(steps):
            loss = update(self._model, self._batches[number % len(self._batches)])
        return float(loss)


class Trials:
    """Trials of a study one after another, as a shell loop has them: epochs with validation, best weights kept."""

    def __init__(self, study: StudyCase, fused: bool, precision: str):
        torch.set_num_threads(1)
        self._case, self._device = study.case, use_device()
        self._options = dict(compiled=False, fused=fused, precision=precision)
        data = arrays(self._case, self._device)
        validation = VALIDATION * (self._case.frames if self._case.stage == "fit" else 1)
        self._train, self._validation = (
            data.take(torch.arange(len(data.target))[part].to(self._device))
            for part in (slice(-validation), slice(-validation, None))
        )
        self.run([study.trial(0)], 1)

    def run(self, trials: list[Trial], epochs: int) -> float:
        """Trains these trials; the last validation score."""
        for trial in trials:
            torch.manual_seed(trial.seed)
            model = make(self._case, self._device, weights=trial.weights, **self._options)
            best = -1.0
            for _ in range(epochs):
                for batch in self._shuffled():
                    update(model, batch)
                score = self._score(model.module)
                if score > best:
                    best, _kept = score, copy.deepcopy(model.module.state_dict())
        return score

    def _shuffled(self) -> Iterator[Arrays]:
        for index in torch.randperm(len(self._train.target)).to(self._device).split(BATCH):
            yield self._train.take(index)

    @torch.no_grad()
    def _score(self, module: nn.Module) -> float:
        part = self._validation
        module.eval()
        if self._case.stage == "fit":
            score = ccc(module.regressor(module.weaker_encoder(part.weaker)), part.target)
        else:
            right = (module(part.weaker, part.mask == 0)["logits"] >= 0) == (part.target > 0)
            score = (right * part.mask).sum() / part.mask.sum()
        module.train()
        return float(score)


def device_memory() -> int | None:
    """Peak bytes on the GPU; None without one."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None


def versions() -> dict[str, str]:
    """What the table names."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {"torch": torch.__version__, "device": device, "threads": str(torch.get_num_threads())}
