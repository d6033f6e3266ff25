"""SEW and SeqSEW as plain torch.nn modules, with the sizes of chapter 5; the masks are what a padded batch needs."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def tanh_layers(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with tanh between them."""
    layers: list[nn.Module] = []
    for before, after in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(before, after), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


class Regressor(nn.Module):
    """Four GRU layers of 120 that see one time step, then a linear unit."""

    def __init__(self, width: int):
        super().__init__()
        self.gru = nn.GRU(width, 120, num_layers=4, batch_first=True)
        self.out = nn.Linear(120, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.gru(x[:, None])[0][:, 0])[:, 0]


class Sew(nn.Module):
    """Weaker encoder, translator, stronger auto-encoder, regressor (fig. 5.1)."""

    def __init__(self, weaker: Sequence[int], stronger: Sequence[int], decoder: Sequence[int]):
        super().__init__()
        self.weaker_encoder = tanh_layers(weaker)
        self.stronger_encoder = tanh_layers(stronger)
        self.translator = tanh_layers((weaker[-1], *decoder))
        self.reconstructor = tanh_layers((stronger[-1], *decoder))
        self.regressor = Regressor(weaker[-1])

    def forward(self, weaker: Tensor, stronger: Tensor) -> dict[str, Tensor]:
        ours, theirs = self.weaker_encoder(weaker), self.stronger_encoder(stronger)
        return {
            "latent/weaker": ours,
            "latent/stronger": theirs,
            "translation": self.translator(ours),
            "reconstruction": self.reconstructor(theirs),
            "prediction": self.regressor(ours),
        }


def positions(steps: int, width: int) -> Tensor:
    """Sinusoidal positions [steps, width]."""
    at = torch.arange(steps)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    return torch.stack([at.sin(), at.cos()], -1).flatten(1)


class Encoder(nn.Module):
    """bi-GRU layers as wide as the input, dense to 100, positions, two transformer layers (fig. 5.2)."""

    def __init__(self, width: int, layers: int, steps: int, dropout: float, latent: int = 100):
        super().__init__()
        self.gru = nn.GRU(width, width, num_layers=layers, bidirectional=True, batch_first=True)
        self.dense = nn.Linear(2 * width, latent)
        layer = nn.TransformerEncoderLayer(
            latent, nhead=2, dim_feedforward=4 * latent, dropout=dropout, batch_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.register_buffer("positions", positions(steps, latent), persistent=False)

    def forward(self, x: Tensor, padding: Tensor | None) -> Tensor:
        return self.transformer(self.dense(self.gru(x)[0]) + self.positions, src_key_padding_mask=padding)


class Classifier(nn.Module):
    """300 ReLU units, dropout, one unit."""

    def __init__(self, width: int = 100, dropout: float = 0.3):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, 300), nn.ReLU(), nn.Dropout(dropout), nn.Linear(300, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)[..., 0]


class Decoder(nn.Module):
    """Two bi-GRU layers of 250, dense to the stronger modality's features."""

    def __init__(self, out: int, latent: int = 100, units: int = 250):
        super().__init__()
        self.gru = nn.GRU(latent, units, num_layers=2, bidirectional=True, batch_first=True)
        self.dense = nn.Linear(2 * units, out)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.gru(x)[0])


class Teacher(nn.Module):
    """Stage 1: the stronger modality's encoder and classifier."""

    def __init__(self, width: int, layers: int, steps: int, dropout: float):
        super().__init__()
        self.encoder = Encoder(width, layers, steps, dropout)
        self.classifier = Classifier()

    def forward(self, x: Tensor, padding: Tensor | None) -> dict[str, Tensor]:
        latent = self.encoder(x, padding)
        return {"latent/stronger": latent, "logits": self.classifier(latent)}


class Student(nn.Module):
    """Stage 2: the weaker modality's encoder, classifier and decoder."""

    def __init__(self, weaker: int, stronger: int, layers: int, steps: int, dropout: float):
        super().__init__()
        self.encoder = Encoder(weaker, layers, steps, dropout)
        self.classifier = Classifier()
        self.decoder = Decoder(stronger)

    def forward(self, x: Tensor, padding: Tensor | None) -> dict[str, Tensor]:
        latent = self.encoder(x, padding)
        return {"latent/weaker": latent, "logits": self.classifier(latent), "translation": self.decoder(latent)}
