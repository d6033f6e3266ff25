"""Attention fusion of chapter 4 in plain PyTorch: torch.nn modules, eager (or `torch.compile`), batches in memory.

Layers carry the names of the authors' public models, so a `state_dict` of theirs fits.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.cases import FusionCase
from benchmarks.data import utterances
from benchmarks.studies import StudyCase, Trial
from benchmarks.torch_side import device_memory, lowered, use_device, versions

__all__ = ["Fusion", "Trials", "Steps", "device_memory", "versions"]

# The order in which the authors stack the vectors.
PAIRS = ("a_t", "v_t", "t_v", "a_v", "t_a", "v_a")


class Fusion(nn.Module):
    """Modality -> [B, T, D] to logits [B, classes].

    Args:
      features: modality -> D.
      maps: modality -> (steps before, steps behind) of its map over time, where it has one.
      attention: 'intra' or 'cross'; in mha_v_t video is the source (keys and values) and text the target (queries).
      classes: number of classes.
      units: of the bi-GRUs, a direction.
      heads: of attention.
      hidden: width of the first dense layer.
      dropout: rate on the attention weights.
      text_dropout: rate on text's features; the authors have .25.
    """

    def __init__(
        self,
        features: Mapping[str, int],
        maps: Mapping[str, tuple[int, int]],
        attention: str,
        classes: int = 7,
        units: int = 60,
        heads: int = 6,
        hidden: int = 60,
        dropout: float = 0.1,
        text_dropout: float = 0.0,
    ):
        super().__init__()
        for modality, width in features.items():
            if modality in maps:
                # Time is the channels of this convolution, so its kernel of 1 is a linear map from steps to steps.
                self.add_module(f"{modality}_conv", nn.Conv1d(*maps[modality], kernel_size=1))
            self.add_module(f"{modality}_encoder", nn.GRU(width, units, batch_first=True, bidirectional=True))
        letters = {modality[0]: modality for modality in features}
        if attention == "intra":
            asked = {f"mha_{letter}": (modality, modality) for letter, modality in letters.items()}
        else:
            asked = {f"mha_{pair}": (letters.get(pair[0]), letters.get(pair[2])) for pair in PAIRS}
        self.sides = {name: sides for name, sides in asked.items() if None not in sides}  # (source, target)
        for name in self.sides:
            self.add_module(name, nn.MultiheadAttention(2 * units, heads, dropout=dropout, batch_first=True))
        self.concat_linear = nn.Linear(4 * units, hidden)
        self.classifier = nn.Linear(hidden, classes)
        self.modalities, self.text_dropout = tuple(features), text_dropout

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        encoded = {}
        for modality in self.modalities:
            x = inputs[modality]
            if modality == "text":
                x = F.dropout(x, self.text_dropout, self.training)
            if hasattr(self, f"{modality}_conv"):
                x = getattr(self, f"{modality}_conv")(x)
            encoded[modality] = getattr(self, f"{modality}_encoder")(x)[0]
        vectors = []
        for name, (source, target) in self.sides.items():
            attend, keys = getattr(self, name), encoded[source]
            vectors.append(attend(encoded[target], keys, keys, need_weights=False)[0].mean(1))
        pooled = torch.cat(torch.std_mean(torch.stack(vectors, 1), dim=1), -1)
        return self.classifier(self.concat_linear(pooled))


def make(case: FusionCase, device: torch.device) -> Fusion:
    """The case's model, training."""
    features = {modality: width for modality, (_, width) in case.sizes.items()}
    return Fusion(features, case.maps, case.attention, case.classes, dropout=case.dropout).to(device).train()


def optimizer_of(case: FusionCase, model: nn.Module, fused: bool) -> torch.optim.Optimizer:
    """Adam, one fused call or torch's default."""
    return torch.optim.Adam(model.parameters(), lr=case.rate, fused=fused or None)


class Arrays:
    """The case's recordings on the device."""

    def __init__(self, case: FusionCase, device: torch.device):
        made = utterances(case)
        self.inputs = {m: torch.tensor(x, device=device) for m, x in made.features.items()}
        self.target = torch.tensor(made.target, device=device).long()

    def take(self, index: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(inputs, target) of the recordings `index`."""
        return {m: x[index] for m, x in self.inputs.items()}, self.target[index]


def update(
    model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Mapping[str, Tensor], target: Tensor, precision: str
) -> Tensor:
    """One training step, the loss in float32; its loss."""
    optimizer.zero_grad(set_to_none=True)
    with lowered(precision, target.device):
        logits = model(inputs)
    loss = F.cross_entropy(logits.float(), target)
    loss.backward()
    optimizer.step()
    return loss.detach()


class Steps:
    """Blocks of steps of one case."""

    def __init__(self, case: FusionCase, compiled: bool, fused: bool, precision: str):
        torch.manual_seed(0)
        device = use_device()
        self._inputs, self._target = Arrays(case, device).take(torch.arange(case.batch, device=device))
        self._model = make(case, device).train(case.train)
        self._forward = torch.compile(self._model) if compiled else self._model
        self._optimizer = optimizer_of(case, self._model, fused)
        self._train, self._precision = case.train, precision
        self.parameters = sum(p.numel() for p in self._model.parameters())

    def run(self, steps: int) -> float:
        """Takes so many steps; the last loss (or a sum of logits), which also waits for the device."""
        for _ in range(steps):
            if self._train:
                loss = update(self._forward, self._optimizer, self._inputs, self._target, self._precision)
            else:
                with torch.inference_mode():
                    loss = self._forward(self._inputs).sum()
        return loss.item()


class Trials:
    """Trials of a study one after another, as a shell loop has them: epochs with validation, best weights kept."""

    def __init__(self, study: StudyCase, fused: bool, precision: str):
        torch.set_num_threads(1)
        self._case, self._fused, self._device, self._precision = study.case, fused, use_device(), precision
        self._arrays = Arrays(self._case, self._device)
        self.run([study.trial(0)], 1)

    def run(self, trials: list[Trial], epochs: int) -> float:
        """Trains these trials; the last validation accuracy."""
        train = self._case.recordings - 1
        held_out = torch.tensor([train], device=self._device)
        for trial in trials:
            torch.manual_seed(trial.seed)
            model, best = make(self._case, self._device), -1.0
            optimizer = optimizer_of(self._case, model, self._fused)
            for _ in range(epochs):
                for index in torch.randperm(train).to(self._device).split(self._case.batch):
                    update(model, optimizer, *self._arrays.take(index), self._precision)
                accuracy = self._accuracy(model, held_out)
                if accuracy > best:
                    best, _kept = accuracy, copy.deepcopy(model.state_dict())
        return accuracy

    @torch.no_grad()
    def _accuracy(self, model: nn.Module, index: Tensor) -> float:
        inputs, target = self._arrays.take(index)
        right = model.eval()(inputs).argmax(-1) == target
        model.train()
        return float(right.float().mean())
