"""Fusion methods as one would write them in PyTorch, with the names of their authors' code, so that `launch.convert`
reads their weights: with these, ours has their outputs (`zoo` checks that before it times anything).

Written after docs/zoo.md's papers and the statements of ../shared/parity/README.md. Sequences are [B, T, D]. What the
authors' code does step by step is a Python loop here too, as it is there.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SubNet(nn.Module):
    """Batch norm, dropout and three dense layers with ReLU: audio and video of TFN and LMF."""

    def __init__(self, inputs: int, width: int, dropout: float):
        super().__init__()
        self.norm, self.drop = nn.BatchNorm1d(inputs), nn.Dropout(dropout)
        self.linear_1, self.linear_2, self.linear_3 = (nn.Linear(n, width) for n in (inputs, width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(self.norm(x))
        for layer in (self.linear_1, self.linear_2, self.linear_3):
            x = F.relu(layer(x))
        return x


class TextNet(nn.Module):
    """The last state of an LSTM and a dense layer."""

    def __init__(self, inputs: int, width: int, code: int, dropout: float = 0.0):
        super().__init__()
        self.rnn, self.linear_1 = nn.LSTM(inputs, width, batch_first=True), nn.Linear(width, code)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_1(F.dropout(self.rnn(x)[1][0][0], self.dropout, self.training))


def _add_one(x: Tensor) -> Tensor:
    return torch.cat([torch.ones_like(x[:, :1]), x], dim=-1)


class Tfn(nn.Module):
    """TFN by MMSA's names."""

    def __init__(self, features: Sequence[int], hidden: Sequence[int], code: int, post: int, dropouts: Sequence[float]):
        super().__init__()
        self.audio_subnet = SubNet(features[1], hidden[1], dropouts[0])
        self.video_subnet = SubNet(features[2], hidden[2], dropouts[1])
        self.text_subnet = TextNet(features[0], hidden[0], code)
        self.post_fusion_layer_1 = nn.Linear((code + 1) * (hidden[1] + 1) * (hidden[2] + 1), post)
        self.post_fusion_layer_2, self.post_fusion_layer_3 = nn.Linear(post, post), nn.Linear(post, 1)
        self.output_range = nn.Parameter(torch.tensor([6.0]), requires_grad=False)
        self.output_shift = nn.Parameter(torch.tensor([-3.0]), requires_grad=False)
        self.dropout = dropouts[3]

    def forward(self, text: Tensor, audio: Tensor, video: Tensor) -> Tensor:
        t, a, v = map(
            _add_one, (self.text_subnet(text), self.audio_subnet(audio[:, 0]), self.video_subnet(video[:, 0]))
        )
        x = (torch.bmm(a[:, :, None], v[:, None]).flatten(1)[:, :, None] * t[:, None]).flatten(1)
        x = F.dropout(x, self.dropout, self.training)
        x = F.relu(self.post_fusion_layer_2(F.relu(self.post_fusion_layer_1(x))))
        return torch.sigmoid(self.post_fusion_layer_3(x))[:, 0] * self.output_range + self.output_shift


class Lmf(nn.Module):
    """LMF by its authors' names."""

    def __init__(self, features: Sequence[int], hidden: Sequence[int], code: int, rank: int, dropout: float):
        super().__init__()
        self.audio_subnet, self.video_subnet = (SubNet(features[i], hidden[i], dropout) for i in range(2))
        self.text_subnet = TextNet(features[2], hidden[2], code, dropout)
        widths = dict(audio=hidden[0], video=hidden[1], text=code)
        for name, width in widths.items():
            factor = torch.randn(rank, width + 1, 1) * (2 / (width + 2)) ** 0.5
            setattr(self, f"{name}_factor", nn.Parameter(factor))
        self.fusion_weights, self.fusion_bias = nn.Parameter(torch.randn(1, rank)), nn.Parameter(torch.zeros(1, 1))

    def forward(self, text: Tensor, audio: Tensor, video: Tensor) -> Tensor:
        codes = (self.audio_subnet(audio), self.video_subnet(video), self.text_subnet(text))
        factors = (self.audio_factor, self.video_factor, self.text_factor)
        a, v, t = (_add_one(x) @ factor for x, factor in zip(codes, factors, strict=True))  # [rank, B, out]
        product = (a * v * t).permute(1, 0, 2)
        return (self.fusion_weights @ product)[:, 0] + self.fusion_bias


class MultLayer(nn.Module):
    """A layer of MulT's encoders; time is in front."""

    def __init__(self, width: int, heads: int, attention: float):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads, dropout=attention)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.layer_norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2)])

    def forward(self, x: Tensor, source: Tensor | None, mask: Tensor) -> Tensor:
        q = self.layer_norms[0](x)
        k = q if source is None else self.layer_norms[0](source)
        x = x + F.dropout(self.self_attn(q, k, k, need_weights=False, attn_mask=mask)[0], 0.1, self.training)
        inner = F.dropout(F.relu(self.fc1(self.layer_norms[1](x))), 0.1, self.training)
        return x + F.dropout(self.fc2(inner), 0.1, self.training)


class MultEncoder(nn.Module):
    """Positions, layers and a last norm."""

    def __init__(self, width: int, heads: int, layers: int, attention: float):
        super().__init__()
        self.layers = nn.ModuleList([MultLayer(width, heads, attention) for _ in range(layers)])
        self.layer_norm, self.width = nn.LayerNorm(width), width
        self.register_buffer("version", torch.tensor([2.0]))
        self.embed_positions = nn.Module()
        self.embed_positions.register_buffer("_float_tensor", torch.zeros(1))

    def _embed(self, x: Tensor) -> Tensor:
        half = self.width // 2
        rates = torch.exp(torch.arange(half) * -(torch.log(torch.tensor(10000.0)) / (half - 1)))
        angles = torch.arange(1, len(x) + 1)[:, None] * rates
        positions = torch.cat([angles.sin(), angles.cos()], dim=1)
        return F.dropout(x * self.width**0.5 + positions[:, None], 0.25, self.training)

    def forward(self, x: Tensor, source: Tensor | None = None) -> Tensor:
        x, source = self._embed(x), None if source is None else self._embed(source)
        keys = len(x if source is None else source)
        mask = torch.triu(torch.full((len(x), keys), float("-inf")), 1 + abs(keys - len(x)))
        for layer in self.layers:
            x = layer(x, source, mask)
        return self.layer_norm(x)


class Mult(nn.Module):
    """MulT by its authors' names, with their dropouts."""

    def __init__(self, features: Sequence[int], width: int, heads: int, layers: int):
        super().__init__()
        self.attention = dict(l=0.1, a=0.0, v=0.0)
        for letter, size in zip("lav", features, strict=True):
            setattr(self, f"proj_{letter}", nn.Conv1d(size, width, 1, bias=False))
        for one in "lav":
            for other in "lav".replace(one, ""):
                encoder = MultEncoder(width, heads, layers, self.attention[other])
                setattr(self, f"trans_{one}_with_{other}", encoder)
            setattr(self, f"trans_{one}_mem", MultEncoder(2 * width, heads, max(layers, 3), 0.1))
        self.proj1, self.proj2 = nn.Linear(6 * width, 6 * width), nn.Linear(6 * width, 6 * width)
        self.out_layer = nn.Linear(6 * width, 1)

    def forward(self, l: Tensor, a: Tensor, v: Tensor) -> Tensor:  # noqa: E741 the authors' letters
        read = dict(l=F.dropout(l, 0.25, self.training), a=a, v=v)
        x = {m: getattr(self, f"proj_{m}")(y.transpose(1, 2)).permute(2, 0, 1) for m, y in read.items()}
        lasts = []
        for one in "lav":
            crossed = [getattr(self, f"trans_{one}_with_{other}")(x[one], x[other]) for other in "lav".replace(one, "")]
            lasts.append(getattr(self, f"trans_{one}_mem")(torch.cat(crossed, dim=2))[-1])
        last = torch.cat(lasts, dim=1)
        return self.out_layer(self.proj2(F.relu(self.proj1(last))) + last)


class Net(nn.Module):
    """Two dense layers `<name>_fc1` and `<name>_fc2` of a module that holds them, as MFN and its kin name them."""

    def add_net(self, name: str, inputs: int, width: int, outputs: int) -> None:
        """Adds the two layers."""
        setattr(self, f"{name}_fc1", nn.Linear(inputs, width))
        setattr(self, f"{name}_fc2", nn.Linear(width, outputs))

    def run_net(self, name: str, x: Tensor, dropout: float) -> Tensor:
        """Dense, ReLU, dropout, dense."""
        x = F.dropout(F.relu(getattr(self, f"{name}_fc1")(x)), dropout, self.training)
        return getattr(self, f"{name}_fc2")(x)

    def update_memory(self, memory: Tensor, attended: Tensor, proposed: Tensor, dropout: float) -> Tensor:
        """What two gates keep of the memory and write into it."""
        both = torch.cat([attended, memory], dim=1)
        keep, write = (torch.sigmoid(self.run_net(name, both, dropout)) for name in ("gamma1", "gamma2"))
        return keep * memory + write * torch.tanh(proposed)


class Mfn(Net):
    """MFN by its authors' names."""

    def __init__(self, features: Sequence[int], hidden: Sequence[int], memory: int, widths: Sequence[int]):
        super().__init__()
        self.hidden, self.memory, self.features, total = tuple(hidden), memory, list(features), sum(hidden)
        for letter, size, units in zip("lav", features, hidden, strict=True):
            setattr(self, f"lstm_{letter}", nn.LSTMCell(size, units))
        attention, proposal, keep, write, out = widths
        self.add_net("att1", 2 * total, attention, 2 * total)
        self.add_net("att2", 2 * total, proposal, memory)
        self.add_net("gamma1", 2 * total + memory, keep, memory)
        self.add_net("gamma2", 2 * total + memory, write, memory)
        self.add_net("out", total + memory, out, 1)

    def read_steps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x [T, B, all features] -> the last states of all modalities, side by side, and the memory."""
        parts = x.split(self.features, dim=2)
        h = [x.new_zeros(x.shape[1], units) for units in self.hidden]
        c, memory = [torch.zeros_like(one) for one in h], x.new_zeros(x.shape[1], self.memory)
        for t in range(len(x)):
            before = torch.cat(c, dim=1)
            for i, letter in enumerate("lav"):
                h[i], c[i] = getattr(self, f"lstm_{letter}")(parts[i][t], (h[i], c[i]))
            window = torch.cat([before, *c], dim=1)
            attended = F.softmax(self.run_net("att1", window, 0.2), dim=1) * window
            memory = self.update_memory(memory, attended, self.run_net("att2", attended, 0.2), 0.2)
        return torch.cat(h, dim=1), memory

    def forward(self, x: Tensor) -> Tensor:
        return self.run_net("out", torch.cat(self.read_steps(x), dim=1), 0.2)[:, 0]


class Graph(nn.Module):
    """The graph of Graph-MFN: vertices of one, two and three modalities and a summary."""

    def __init__(self, units: Sequence[int], inner: int, width: int):
        super().__init__()
        sizes = {(i,): n for i, n in enumerate(units)}
        self.nets = nn.ModuleDict()
        self.parts = {}
        for key in [(0, 1), (0, 2), (1, 2), (0, 1, 2)]:
            self.parts[key] = [k for n in range(1, len(key)) for k in itertools.combinations(key, n)]
            inputs = sum(sizes[k] for k in self.parts[key])
            self.nets["_".join(map(str, key))] = self._make_net(inputs, width, inner)
            sizes[key] = inner
        self.t_network = self._make_net(sum(sizes.values()), width, inner)
        self.efficacy_model = self._make_net(sum(units), width, inner)
        self.efficacy_model.append(nn.Linear(inner, sum(map(len, self.parts.values())) + len(sizes)))

    @staticmethod
    def _make_net(inputs: int, width: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Linear(inputs, width), nn.Sequential(nn.Linear(width, outputs)))

    def forward(self, states: Sequence[Tensor]) -> Tensor:
        efficacies = self.efficacy_model(torch.cat(list(states), dim=1))
        vertices, at = {(i,): x for i, x in enumerate(states)}, 0

        def weigh(keys: Sequence[tuple[int, ...]]) -> Tensor:
            weights = efficacies[:, at : at + len(keys)]
            return torch.cat([weights[:, i : i + 1] * vertices[k] for i, k in enumerate(keys)], dim=1)

        for key, parts in self.parts.items():
            vertices[key] = self.nets["_".join(map(str, key))](weigh(parts))
            at += len(parts)
        return self.t_network(weigh(list(vertices)))


class GraphMfn(Net):
    """Graph-MFN by MMSA's names, its graph's nets among the parameters."""

    def __init__(self, features: Sequence[int], hidden: Sequence[int], memory: int, inner: int, widths: Sequence[int]):
        super().__init__()
        self.hidden, self.memory, total = tuple(hidden), memory, sum(hidden)
        for letter, size, units in zip("lav", features, hidden, strict=True):
            setattr(self, f"lstm_{letter}", nn.LSTMCell(size, units))
            setattr(self, f"{letter}_transform", nn.Linear(2 * units, units))
        width, proposal, keep, write, out = widths
        self.graph_mfn = Graph(hidden, inner, width)
        self.add_net("att2", inner, proposal, memory)
        self.add_net("gamma1", inner + memory, keep, memory)
        self.add_net("gamma2", inner + memory, write, memory)
        self.add_net("out", total + memory, out, 1)

    def forward(self, text: Tensor, audio: Tensor, video: Tensor) -> Tensor:
        inputs, batch = (text, audio, video), len(text)
        h = [text.new_zeros(batch, units) for units in self.hidden]
        c, memory = [torch.zeros_like(one) for one in h], text.new_zeros(batch, self.memory)
        for t in range(text.shape[1]):
            before = list(h)
            for i, letter in enumerate("lav"):
                h[i], c[i] = getattr(self, f"lstm_{letter}")(inputs[i][:, t], (h[i], c[i]))
            joined = [
                F.relu(getattr(self, f"{letter}_transform")(torch.cat([before[i], h[i]], dim=1)))
                for i, letter in enumerate("lav")
            ]
            summary = self.graph_mfn(joined)
            memory = self.update_memory(memory, summary, self.run_net("att2", summary, 0.0), 0.5)
        return self.run_net("out", torch.cat([*h, memory], dim=1), 0.0)


class Mmtm(nn.Module):
    """One module of MMTM by its authors' names."""

    def __init__(self, visual: int, skeleton: int, ratio: int):
        super().__init__()
        width = int(2 * (visual + skeleton) / ratio)
        self.fc_squeeze = nn.Linear(visual + skeleton, width)
        self.fc_visual, self.fc_skeleton = nn.Linear(width, visual), nn.Linear(width, skeleton)

    def forward(self, visual: Tensor, skeleton: Tensor) -> tuple[Tensor, Tensor]:
        means = [x.flatten(2).mean(2) for x in (visual, skeleton)]
        squeezed = F.relu(self.fc_squeeze(torch.cat(means, dim=1)))
        gated = []
        for x, layer in ((visual, self.fc_visual), (skeleton, self.fc_skeleton)):
            gated.append(x * torch.sigmoid(layer(squeezed)).reshape(*x.shape[:2], *[1] * (x.ndim - 2)))
        return gated[0], gated[1]


class MsafBlock(nn.Module):
    """MSAF's attention by its authors' names: a code of all blocks, a dense layer a block."""

    def __init__(self, channels: Sequence[int], block: int, reduction: int):
        super().__init__()
        self.channels, self.block = channels, block
        joint = [nn.Linear(block, block // reduction), nn.BatchNorm1d(block // reduction), nn.ReLU()]
        self.joint_features = nn.Sequential(*joint)
        count = sum(channels) // block
        self.dense_group = nn.ModuleList([nn.Linear(block // reduction, block) for _ in range(count)])

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        blocks = [x.unflatten(1, (-1, self.block)) for x in xs]
        summed = sum(x.sum(1).flatten(2).mean(2) for x in blocks)
        code = self.joint_features(summed)
        weights = F.softmax(torch.stack([dense(code) for dense in self.dense_group], dim=1), dim=1)
        gated, at = [], 0
        for x, blocked in zip(xs, blocks, strict=True):
            count = blocked.shape[1]
            share = weights[:, at : at + count].reshape(*blocked.shape[:3], *[1] * (x.ndim - 2))
            gated.append((blocked * share).flatten(1, 2))
            at += count
        return gated


class Msaf(nn.Module):
    """`blocks.0` of MSAF, without the dropout of whole blocks."""

    def __init__(self, channels: Sequence[int], block: int, reduction: int):
        super().__init__()
        self.blocks = nn.ModuleList([MsafBlock(channels, block, reduction)])

    def forward(self, *xs: Tensor) -> list[Tensor]:
        return self.blocks[0](xs)


class Mlb(nn.Module):
    """MLB by block.bootstrap's names."""

    def __init__(self, features: Sequence[int], width: int, outputs: int):
        super().__init__()
        self.linear0, self.linear1 = (nn.Linear(n, width) for n in features)
        self.linear_out = nn.Linear(width, outputs)

    def forward(self, x0: Tensor, x1: Tensor) -> Tensor:
        return F.relu(self.linear_out(F.relu(self.linear0(x0)) * F.relu(self.linear1(x1))))


class Sketch(nn.Module):
    """The places and signs of a count sketch, and the sketch itself."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.register_buffer("h", torch.randint(width, (inputs,)))
        self.register_buffer("s", 2.0 * torch.randint(2, (inputs,)) - 1)
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), self.width).index_add(1, self.h, x * self.s)


class Mcb(nn.Module):
    """MCB by block.bootstrap's names: sketches convolved by Fourier transforms."""

    def __init__(self, features: Sequence[int], width: int, outputs: int):
        super().__init__()
        self.mcb = nn.Module()
        self.mcb.sketch1, self.mcb.sketch2 = (Sketch(n, width) for n in features)
        self.linear_out, self.width = nn.Linear(width, outputs), width

    def forward(self, x0: Tensor, x1: Tensor) -> Tensor:
        product = torch.fft.rfft(self.mcb.sketch1(x0)) * torch.fft.rfft(self.mcb.sketch2(x1))
        return F.relu(self.linear_out(torch.fft.irfft(product, n=self.width)))
