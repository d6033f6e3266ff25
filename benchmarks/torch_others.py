"""Still more fusion methods in PyTorch (see `torch_zoo`), most by the names of their authors' code.

FAF, MCSAN, RMFN, XFlow and attention over modalities have no public weights; only their parameters are counted.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.torch_zoo import Mfn, Net


class Encoder(nn.Module):
    """The last state of an LSTM, step by step, and a dense layer."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.lstm, self.fc1 = nn.LSTMCell(inputs, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[1], self.fc1.in_features)
        for step in x:
            h, c = self.lstm(step, (h, c))
        return self.fc1(h)


class Decoder(nn.Module):
    """An LSTM that reads a code, then its own states, and a dense layer on all of them."""

    def __init__(self, width: int, outputs: int):
        super().__init__()
        self.lstm, self.fc1 = nn.LSTMCell(width, width), nn.Linear(width, outputs)

    def forward(self, code: Tensor, steps: int) -> Tensor:
        h, c = self.lstm(code)
        states = [h]
        for _ in range(steps - 1):
            h, c = self.lstm(h, (h, c))
            states.append(h)
        return self.fc1(torch.stack(states))


class Mfm(Net):
    """MFM by its authors' names; MFN is its encoder. Returns its loss, the prior's numbers given."""

    def __init__(self, features: Sequence[int], codes: Sequence[int], factors: Sequence[int], rates: Sequence[float]):
        super().__init__()
        self.features, self.rates = list(features), dict(zip("lavy", rates, strict=True))
        self.mfn_encoder = Mfn(features, (128, 32, 128), 64, (32, 64, 32, 64, 128))
        self.last_to_zy_fc1 = nn.Linear(288 + 64, codes[-1])
        for letter, code, factor in zip("lavy", codes, factors, strict=True):
            self.add_net(f"z{letter}_to_f{letter}", code, factor, factor)
        for letter, size, code, factor in zip("lav", features, codes[:-1], factors[:-1], strict=True):
            setattr(self, f"encoder_{letter}", Encoder(size, code))
            setattr(self, f"decoder_{letter}", Decoder(factors[-1] + factor, size))
        self.add_net("fy_to_y", factors[-1], factors[-1], 1)

    def forward(self, x: Tensor, target: Tensor, **noise: Tensor) -> Tensor:
        parts = dict(zip("lav", x.split(self.features, dim=2), strict=True))
        codes = {letter: getattr(self, f"encoder_{letter}")(part) for letter, part in parts.items()}
        codes["y"] = self.last_to_zy_fc1(torch.cat(self.mfn_encoder.read_steps(x), dim=1))
        factors = {m: F.relu(self.run_net(f"z{m}_to_f{m}", z, self.rates[m])) for m, z in codes.items()}
        loss = (self.run_net("fy_to_y", factors["y"], 0.0)[:, 0] - target).abs().mean()
        for letter, weight in zip("lav", (0.5, 0.01, 0.5), strict=True):
            decoder = getattr(self, f"decoder_{letter}")
            made = decoder(torch.cat([factors["y"], factors[letter]], dim=1), len(x))
            loss = loss + weight * F.mse_loss(made, parts[letter])
        return loss + 100.0 * sum(_measure_mmd(noise[f"noise_{m}"], z) for m, z in codes.items())


def _measure_mmd(a: Tensor, b: Tensor) -> Tensor:
    def compare(x: Tensor, y: Tensor) -> Tensor:
        return torch.exp(-(x[:, None] - y[None]).square().mean(2) / x.shape[1]).mean()

    return compare(a, a) + compare(b, b) - 2 * compare(a, b)


class Raven(nn.Module):
    """RAVEN by its authors' names, without their three cuts of the gradient."""

    def __init__(self, words: int, features: Sequence[int], width: int, hidden: int, dropout: float, shift: float):
        super().__init__()
        word, *others = features
        for name, lower, size in zip(("covarep", "Facet"), ("covarep", "facet"), others, strict=True):
            setattr(self, f"norm{name}", nn.BatchNorm2d(words, track_running_stats=False))
            setattr(self, f"fc_rsz{name}", nn.Linear(size, width))
            setattr(self, f"{lower}LSTM", nn.LSTM(width, width, batch_first=True))
            setattr(self, f"{lower}W", nn.Linear(width + word, 1))
        self.calcAddon = nn.Linear(2 * width, word)
        self.lstm1 = nn.Module()
        self.lstm1.layer_1 = nn.Module()
        self.lstm1.layer_1.lstm = nn.LSTMCell(word, hidden)
        self.fc_afterLSTM, self.dropout, self.shift = nn.Linear(hidden, 1), dropout, shift

    def _read(self, name: str, x: Tensor, lengths: Tensor) -> Tensor:
        flat = getattr(self, f"fc_rsz{'Facet' if name == 'facet' else name}")(x).flatten(0, 1)
        states, _ = getattr(self, f"{name}LSTM")(flat)
        last = states[torch.arange(len(flat)), lengths.flatten() - 1]
        return last.unflatten(0, x.shape[:2])

    def forward(self, words: Tensor, covarep: Tensor, facet: Tensor, lengths: dict[str, Tensor]) -> Tensor:
        inputs, gated = dict(covarep=self.normcovarep(covarep), facet=facet), []
        for name, x in inputs.items():
            state = self._read(name, x, lengths[f"{name}Lens"])
            gated.append(getattr(self, f"{name}W")(torch.cat([state, words], dim=2)) * state)
        addon = self.calcAddon(torch.cat(gated, dim=2))
        length = addon.norm(dim=2, keepdim=True).clamp_min(1.0) / self.shift
        shifted = words + addon / length * words.norm(dim=2, keepdim=True)
        shifted = F.dropout(shifted, self.dropout, self.training)
        h = c = words.new_zeros(len(words), self.fc_afterLSTM.in_features)
        for t in range(words.shape[1]):  # all have all words
            h, c = self.lstm1.layer_1.lstm(shifted[:, t], (h, c))
        return self.fc_afterLSTM(h)[:, 0]


class AudioNet(nn.Module):
    """The last valid state of an LSTM and a dense layer."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.rnn, self.linear_1 = nn.LSTM(inputs, width, batch_first=True), nn.Linear(width, width)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.linear_1(self.rnn(x)[0][torch.arange(len(x)), lengths - 1])


class SelfMm(nn.Module):
    """Self-MM's heads by MMSA's names, on given features of the text. Returns its loss."""

    def __init__(self, features: Sequence[int], widths: Sequence[int], fused: int, rates: Sequence[float]):
        super().__init__()
        self.audio_model, self.video_model = (AudioNet(n, w) for n, w in zip(features[1:], widths[1:], strict=True))
        sizes = dict(fusion=(features[0] + sum(widths[1:]), fused), text=(features[0], widths[0]))
        sizes |= dict(audio=(widths[1], widths[1]), video=(widths[2], widths[2]))
        for name, (inputs, width) in sizes.items():
            for layer, (a, b) in enumerate(((inputs, width), (width, width), (width, 1)), 1):
                setattr(self, f"post_{name}_layer_{layer}", nn.Linear(a, b))
        self.rates = dict(zip(sizes, rates, strict=True))

    def _score(self, name: str, x: Tensor) -> Tensor:
        x = F.dropout(x, self.rates[name], self.training)
        for layer in (1, 2):
            x = F.relu(getattr(self, f"post_{name}_layer_{layer}")(x))
        return getattr(self, f"post_{name}_layer_3")(x)[:, 0]

    def forward(self, ins: dict[str, Tensor]) -> Tensor:
        codes = dict(text=ins["text_features"][:, 0])
        codes["audio"] = self.audio_model(ins["audio"], ins["audio_lengths"])
        codes["video"] = self.video_model(ins["video"], ins["video_lengths"])
        whole = ins["label_M"]
        loss = (self._score("fusion", torch.cat(list(codes.values()), dim=1)) - whole).abs().mean()
        for name, code in codes.items():
            label = ins[f"label_{name[0].upper()}"]
            loss = loss + (torch.tanh((label - whole).abs()) * (self._score(name, code) - label).abs()).mean()
        return loss


class Parallel(nn.Module):
    """A layer that all streams share, as `module`, or batch norms of their own, as `bn_<i>`."""

    def __init__(self, layer: nn.Module | None, channels: int = 0):
        super().__init__()
        if layer is not None:
            self.module = layer
        self.count = 0 if layer is not None else 2
        for i in range(self.count):
            setattr(self, f"bn_{i}", nn.BatchNorm2d(channels))

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        return [(getattr(self, f"bn_{i}") if self.count else self.module)(x) for i, x in enumerate(xs)]


class CenBlock(nn.Module):
    """A bottleneck of two streams, which exchange channels behind the second norm."""

    def __init__(self, inputs: int, planes: int, threshold: float):
        super().__init__()
        sizes = ((inputs, planes, 1), (planes, planes, 3), (planes, 4 * planes, 1))
        for n, (a, b, width) in enumerate(sizes, 1):
            setattr(self, f"conv{n}", Parallel(nn.Conv2d(a, b, width, padding=width // 2, bias=False)))
            setattr(self, f"bn{n}", Parallel(None, b))
        shortcut = Parallel(nn.Conv2d(inputs, 4 * planes, 1, bias=False))
        self.downsample, self.threshold = nn.Sequential(shortcut, Parallel(None, 4 * planes)), threshold

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        ys = self.bn2(self.conv2([F.relu(y) for y in self.bn1(self.conv1(xs))]))
        gammas = [getattr(self.bn2, f"bn_{i}").weight for i in range(2)]
        stays = [(g.abs() >= self.threshold)[:, None, None] for g in gammas]
        exchanged = [F.relu(torch.where(stays[i], ys[i], ys[1 - i])) for i in range(2)]
        rest = self.downsample(xs)
        return [F.relu(y + x) for y, x in zip(self.bn3(self.conv3(exchanged)), rest, strict=True)]


class Cen(nn.Module):
    """A block of CEN by its authors' names, half of whose channels are exchanged. Returns its loss."""

    def __init__(self, inputs: int, planes: int, threshold: float, weight: float):
        super().__init__()
        self.block, self.weight = CenBlock(inputs, planes, threshold), weight
        for i in range(2):
            nn.init.uniform_(getattr(self.block.bn2, f"bn_{i}").weight, 0, 2 * threshold)

    def forward(self, x0: Tensor, x1: Tensor, target0: Tensor, target1: Tensor) -> Tensor:
        errors = map(F.mse_loss, self.block([x0, x1]), (target0, target1))
        one, other = (getattr(self.block.bn2, f"bn_{i}").weight.abs() for i in range(2))
        half = len(one) // 2
        return sum(errors) + 2 * self.weight * (one[:half].sum() + other[half:].sum())


def _normalise(x: Tensor) -> Tensor:
    """Signed root and length 1."""
    return F.normalize(torch.sqrt(F.relu(x)) - torch.sqrt(F.relu(-x)))


class Mutan(nn.Module):
    """MUTAN by block.bootstrap's names."""

    def __init__(self, features: Sequence[int], width: int, rank: int, outputs: int):
        super().__init__()
        for i, size in enumerate(features):
            setattr(self, f"linear{i}", nn.Linear(size, width))
            setattr(self, f"merge_linear{i}", nn.Linear(width, rank * width))
        self.linear_out, self.rank = nn.Linear(width, outputs), rank

    def forward(self, x0: Tensor, x1: Tensor) -> Tensor:
        one, other = self.merge_linear0(self.linear0(x0)), self.merge_linear1(self.linear1(x1))
        return self.linear_out(_normalise((one * other).unflatten(1, (self.rank, -1)).sum(1)))


class Block(nn.Module):
    """BLOCK by block.bootstrap's names, chunks of one width."""

    def __init__(self, features: Sequence[int], width: int, chunks: int, rank: int, outputs: int):
        super().__init__()
        size = width // chunks
        for i, inputs in enumerate(features):
            setattr(self, f"linear{i}", nn.Linear(inputs, width))
            merge = nn.ModuleList([nn.Linear(size, rank * size) for _ in range(chunks)])
            setattr(self, f"merge_linears{i}", merge)
        self.linear_out, self.chunks, self.rank = nn.Linear(width, outputs), chunks, rank

    def forward(self, x0: Tensor, x1: Tensor) -> Tensor:
        ones, others = self.linear0(x0).chunk(self.chunks, 1), self.linear1(x1).chunk(self.chunks, 1)
        parts = []
        for a, b, one, other in zip(ones, others, self.merge_linears0, self.merge_linears1, strict=True):
            parts.append(_normalise((one(a) * other(b)).unflatten(1, (self.rank, -1)).sum(1)))
        return self.linear_out(torch.cat(parts, dim=1))


class MfccNet(nn.Module):
    """MSAF's network on MFCC by its authors' names."""

    def __init__(self, coefficients: int, flat: int, classes: int):
        super().__init__()
        sizes = ((coefficients, 32, 7), (32, 32, 7), (32, 64, 5))
        for n, (a, b, width) in enumerate(sizes, 1):
            setattr(self, f"conv{n}", nn.Conv1d(a, b, width, padding=2))
            setattr(self, f"bn{n}", nn.BatchNorm1d(b))
        self.fc1 = nn.Linear(flat, classes)

    def forward(self, x: Tensor) -> Tensor:
        for n in (1, 2, 3):
            x = F.relu(getattr(self, f"conv{n}")(x))
            x = getattr(self, f"bn{n}")(F.max_pool1d(x, 8) if n == 2 else x)
        return self.fc1(x.flatten(1))


class ModalityAttention(nn.Module):
    """Attention over the vectors of modalities."""

    def __init__(self, features: Sequence[int], width: int, classes: int, dropout: float):
        super().__init__()
        self.project = nn.ModuleList([nn.Linear(n, width) for n in features])
        self.ask = nn.ModuleList([nn.Linear(width, width) for _ in features])
        self.score, self.head, self.dropout = nn.Linear(width, 1, bias=False), nn.Linear(width, classes), dropout

    def forward(self, *xs: Tensor) -> Tensor:
        codes = [layer(F.dropout(x, self.dropout, self.training)) for layer, x in zip(self.project, xs, strict=True)]
        scores = [self.score(torch.tanh(layer(code))) for layer, code in zip(self.ask, codes, strict=True)]
        weights = F.softmax(torch.cat(scores, dim=1), dim=1)
        fused = torch.tanh((weights[..., None] * torch.stack(codes, dim=1)).sum(1))
        return self.head(F.dropout(fused, self.dropout, self.training))


class Rmfn(nn.Module):
    """RMFN: at every step some stages highlight parts of all states and fuse them, which the LSTMs then read."""

    def __init__(self, features: Sequence[int], units: int, stages: int, widths: Sequence[int]):
        super().__init__()
        read, write, code, head = widths
        total = units * len(features)
        self.units, self.stages, self.code, self.read, self.write = units, stages, code, read, write
        self.reads = nn.ModuleList([nn.Linear(n, 4 * units) for n in features])
        self.keeps = nn.ModuleList([nn.Linear(units, 4 * units, bias=False) for _ in features])
        self.hears = nn.ModuleList([nn.Linear(code, 4 * units, bias=False) for _ in features])
        self.highlight = nn.Linear(total + write + read, 4 * read)
        self.score, self.fuse = nn.Linear(read, total), nn.Linear(total + write, 4 * write)
        self.summarize = nn.Linear(stages * write, code)
        self.head = nn.Sequential(nn.Linear(total + code, head), nn.ReLU(), nn.Linear(head, 1))

    def _take_stages(self, joined: Tensor) -> Tensor:
        h, s = (joined.new_zeros(len(joined), width) for width in (self.read, self.write))
        c, d, stages = h, s, []
        for _ in range(self.stages):
            h, c = _apply_gates(self.highlight(torch.cat([joined, s, h], dim=1)), c)
            attended = F.softmax(self.score(h), dim=1) * joined
            s, d = _apply_gates(self.fuse(torch.cat([attended, s], dim=1)), d)
            stages.append(s)
        return self.summarize(torch.cat(stages, dim=1))

    def forward(self, *xs: Tensor) -> Tensor:
        read = [layer(x) for layer, x in zip(self.reads, xs, strict=True)]
        h = [xs[0].new_zeros(len(xs[0]), self.units) for _ in xs]
        c, z = [torch.zeros_like(one) for one in h], xs[0].new_zeros(len(xs[0]), self.code)
        for t, i in itertools.product(range(xs[0].shape[1]), range(len(xs))):
            h[i], c[i] = _apply_gates(read[i][:, t] + self.keeps[i](h[i]) + self.hears[i](z), c[i])
            if i + 1 == len(xs):
                z = self._take_stages(torch.cat(h, dim=1))
        return self.head(torch.cat([*h, z], dim=1))


def _apply_gates(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """An LSTM's new state and cell."""
    i, f, g, o = gates.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


class StepWeights(nn.Module):
    """Weights over the steps [B, T, 1], whose sum is 1."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.dense, self.score = nn.Linear(inputs, width), nn.Linear(width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(self.score(torch.tanh(self.dense(x))), dim=1)


class Faf(nn.Module):
    """FAF: bidirectional GRUs, attention of each modality and of the fused steps, a convolution."""

    def __init__(self, features: Sequence[int], width: int, dropout: float):
        super().__init__()
        self.grus = nn.ModuleList([nn.GRU(n, width, batch_first=True, bidirectional=True) for n in features])
        self.weights = nn.ModuleList([StepWeights(2 * width, width) for _ in features])
        joined = 2 * width * len(features)
        self.fine, self.convolution = StepWeights(joined, width), nn.Conv1d(joined, width, 3, padding=1)
        self.head, self.dropout = nn.Linear(width, 1), dropout

    def forward(self, *xs: Tensor) -> Tensor:
        states = [gru(x)[0] for gru, x in zip(self.grus, xs, strict=True)]
        mean = sum(layer(h) for layer, h in zip(self.weights, states, strict=True)) / len(states)
        steps = torch.cat([mean * h for h in states], dim=2)
        steps = F.dropout(steps * (self.fine(steps) + mean), self.dropout, self.training)
        fused = F.relu(self.convolution(steps.transpose(1, 2))).amax(2)
        return self.head(F.dropout(fused, self.dropout, self.training))[:, 0]


class McsanBranch(nn.Module):
    """A post-norm layer of attention, and the mean of its steps."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))
        self.dropout = dropout

    def forward(self, x: Tensor, keys: Tensor) -> Tensor:
        attended = self.attention(x, keys, keys, need_weights=False)[0]
        x = self.norms[0](x + F.dropout(attended, self.dropout, self.training))
        return self.norms[1](x + F.dropout(self.dense(x), self.dropout, self.training)).mean(1)


class Mcsan(nn.Module):
    """MCSAN: each modality attends to itself and to the others, in parallel."""

    def __init__(self, features: Sequence[int], width: int, heads: int, dropout: float):
        super().__init__()
        self.project = nn.ModuleList([nn.Linear(n, width) for n in features])
        count = len(features) ** 2
        self.branches = nn.ModuleList([McsanBranch(width, heads, dropout) for _ in range(count)])
        self.hidden, self.head, self.dropout = nn.Linear(count * width, width), nn.Linear(width, 1), dropout
        rates = torch.exp(torch.arange(0, width, 2) * (-9.210340371976184 / width))
        angles = torch.arange(512)[:, None] * rates
        self.register_buffer("positions", torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1))

    def forward(self, *xs: Tensor) -> Tensor:
        codes = [layer(x) + self.positions[: x.shape[1]] for layer, x in zip(self.project, xs, strict=True)]
        pairs = itertools.product(codes, codes)
        means = [branch(x, keys) for branch, (x, keys) in zip(self.branches, pairs, strict=True)]
        x = F.dropout(torch.cat(means, dim=1), self.dropout, self.training)
        return self.head(F.dropout(F.relu(self.hidden(x)), self.dropout, self.training))[:, 0]


class Cross(nn.Module):
    """A cross-connection of XFlow: a dense layer on every step and PReLU."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.dense, self.slope = nn.Linear(inputs, width), nn.PReLU(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.slope(self.dense(x).transpose(1, 2))


class XFlow(nn.Module):
    """XFlow on sequences of equal steps: two stages a modality, joined by cross-connections."""

    def __init__(self, features: Sequence[int], width: int, crossed: int, dropout: float):
        super().__init__()
        others = len(features) - 1
        self.first = nn.ModuleList([nn.Conv1d(n, width, 3, padding=1) for n in features])
        self.second = nn.ModuleList([nn.Conv1d(width + 2 * others * crossed, width, 3, padding=1) for _ in features])
        self.between = nn.ModuleList([Cross(width, crossed) for _ in range(others * len(features))])
        sources = [n for i in range(len(features)) for j, n in enumerate(features) if j != i]
        self.inputs = nn.ModuleList([Cross(n, crossed) for n in sources])
        self.hidden, self.head = nn.Linear(len(features) * width, width), nn.Linear(width, 1)
        self.dropout = dropout

    def forward(self, *xs: Tensor) -> Tensor:
        maps = [F.relu(conv(x.transpose(1, 2))) for conv, x in zip(self.first, xs, strict=True)]
        between, inputs, means = iter(self.between), iter(self.inputs), []
        for i, conv in enumerate(self.second):
            others = [j for j in range(len(xs)) if j != i]
            parts = [maps[i], *(next(between)(maps[j].transpose(1, 2)) for j in others)]
            parts += [next(inputs)(xs[j]) for j in others]
            means.append(F.relu(conv(torch.cat(parts, dim=1))).mean(2))
        x = F.dropout(torch.cat(means, dim=1), self.dropout, self.training)
        return self.head(F.dropout(F.relu(self.hidden(x)), self.dropout, self.training))[:, 0]
