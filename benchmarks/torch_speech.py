"""ConflictNET in plain PyTorch: torch.nn modules, eager (or `torch.compile`), batches ready in memory."""

import torch
from torch import Tensor, nn

from benchmarks.cases import SpeechCase
from benchmarks.data import clips
from benchmarks.torch_side import device_memory, lowered, use_device, versions

__all__ = ["Steps", "device_memory", "versions"]

BLOCKS = ((1, 64, 6, 8), (64, 128, 4, 6), (128, 256, 4, 6))
"""(channels, filters, width, pool)."""


class Attention(nn.Module):
    """Additive self-attention: every step becomes a mean of all steps, weighted by softmax of a tanh score."""

    def __init__(self, width: int, units: int = 32):
        super().__init__()
        self.of_step = nn.Linear(width, units)
        self.of_other = nn.Linear(width, units, bias=False)
        self.score = nn.Linear(units, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.of_step(x)[:, :, None] + self.of_other(x)[:, None])
        return torch.tanh(self.score(hidden)[..., 0]).softmax(-1) @ x


def lstm(inputs: int, units: int) -> nn.LSTM:
    """An LSTM with one bias, as Keras has it: the second one stays 0."""
    layer = nn.LSTM(inputs, units, batch_first=True)
    nn.init.zeros_(layer.bias_hh_l0.requires_grad_(False))
    return layer


class ConflictNet(nn.Module):
    """[B, 1, T] -> [B]."""

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = []
        for channels, filters, width, pool in BLOCKS:
            norm = nn.BatchNorm1d(filters, eps=1e-3, momentum=0.01)
            layers += [nn.Conv1d(channels, filters, width), nn.ReLU(), norm, nn.MaxPool1d(pool)]
        self.convolutions = nn.Sequential(*layers, nn.AvgPool1d(4))
        self.first = lstm(256, 128)
        self.attention = Attention(128)
        self.second = lstm(128, 64)
        self.out = nn.Linear(64, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention(self.first(self.convolutions(x).mT)[0])
        return self.out(self.second(x)[0][:, -1])[:, 0]


def pcc_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """1 - Pearson's correlation over the batch."""
    p, t = prediction - prediction.mean(), target - target.mean()
    return 1 - (p * t).sum() / (p.square().sum() * t.square().sum()).sqrt()


class Steps:
    """Blocks of steps of one case."""

    def __init__(self, case: SpeechCase, compiled: bool, fused: bool, precision: str):
        torch.manual_seed(0)
        device = use_device()
        waves, targets = clips(case, case.batch)
        x = torch.tensor(waves, dtype=torch.float32, device=device)[:, None]
        self._x = x / x.square().mean(-1, keepdim=True).sqrt()
        self._target = torch.tensor(targets, device=device)
        self._model = ConflictNet().to(device).train(case.train)
        self._forward = torch.compile(self._model) if compiled else self._model
        trained = [p for p in self._model.parameters() if p.requires_grad]
        self._optimizer = torch.optim.Adam(trained, lr=0.01, fused=fused or None)
        self._train, self._precision = case.train, precision
        self.parameters = sum(p.numel() for p in trained)

    def run(self, steps: int) -> float:
        """Takes so many steps; the last loss (or a sum of predictions), which also waits for the device."""
        for _ in range(steps):
            if self._train:
                self._optimizer.zero_grad(set_to_none=True)
                with lowered(self._precision, self._x.device):
                    prediction = self._forward(self._x)
                loss = pcc_loss(prediction.float(), self._target)
                loss.backward()
                self._optimizer.step()
            else:
                with torch.inference_mode():
                    loss = self._forward(self._x).sum()
        return loss.item()
