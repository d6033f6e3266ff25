"""More fusion methods in PyTorch (see `torch_zoo`): those with losses of their own, over utterances, and of pictures.

Early and late fusion, GMU and MARN have no public weights that we read; only their parameters are counted against ours.
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Misa(nn.Module):
    """MISA without BERT by its authors' names, all sequences of one length. Returns its loss."""

    def __init__(self, words: int, features: dict[str, int], width: int, feed_forward: int, dropout: float):
        super().__init__()
        self.embed, self.dropout = nn.Embedding(words, features["t"]), dropout
        for m, size in features.items():
            setattr(self, f"{m}rnn1", nn.LSTM(size, size, bidirectional=True))
            setattr(self, f"{m}rnn2", nn.LSTM(2 * size, size, bidirectional=True))
            setattr(self, f"{m}layer_norm", nn.LayerNorm(2 * size))
            layers = {f"project_{m}": nn.Linear(4 * size, width), "activation": nn.ReLU()}
            layers[f"project_{m}_layer_norm"] = nn.LayerNorm(width)
            setattr(self, f"project_{m}", self._name(layers))
            private = {f"private_{m}_{3 if m == 'a' else 1}": nn.Linear(width, width), "activation": nn.Sigmoid()}
            setattr(self, f"private_{m}", self._name(private))
            setattr(self, f"recon_{m}", self._name({f"recon_{m}_1": nn.Linear(width, width)}))
        self.shared = self._name({"shared_1": nn.Linear(width, width), "activation": nn.Sigmoid()})
        self.sp_discriminator = self._name({"sp_discriminator_layer_1": nn.Linear(width, 4)})
        fusion = {"fusion_layer_1": nn.Linear(6 * width, 3 * width), "drop": nn.Dropout(dropout), "relu": nn.ReLU()}
        self.fusion = self._name(fusion | {"fusion_layer_3": nn.Linear(3 * width, 1)})
        layer = nn.TransformerEncoderLayer(width, 2, feed_forward)
        self.transformer_encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    @staticmethod
    def _name(layers: dict[str, nn.Module]) -> nn.Sequential:
        named = nn.Sequential()
        for name, layer in layers.items():
            named.add_module(name, layer)
        return named

    def _encode(self, m: str, x: Tensor) -> Tensor:
        states, (first, _) = getattr(self, f"{m}rnn1")(x)
        _, (second, _) = getattr(self, f"{m}rnn2")(getattr(self, f"{m}layer_norm")(states))
        return getattr(self, f"project_{m}")(torch.cat([first[0], second[0], first[1], second[1]], dim=1))

    def forward(self, text: Tensor, video: Tensor, audio: Tensor, target: Tensor) -> Tensor:
        code = {m: self._encode(m, x) for m, x in dict(t=self.embed(text), v=video, a=audio).items()}
        private = {m: getattr(self, f"private_{m}")(x) for m, x in code.items()}
        shared = {m: self.shared(x) for m, x in code.items()}
        fused = self.transformer_encoder(torch.stack([*private.values(), *shared.values()]))
        y = self.fusion(fused.transpose(0, 1).flatten(1))
        pairs = [(private[m], shared[m]) for m in "tva"] + [(private[a], private[b]) for a, b in ("at", "av", "tv")]
        apart = sum(_measure_difference(a, b) for a, b in pairs)
        alike = sum(_measure_moments(shared[a], shared[b]) for a, b in itertools.combinations("tva", 2)) / 3
        again = sum(F.mse_loss(getattr(self, f"recon_{m}")(private[m] + shared[m]), code[m]) for m in "tva") / 3
        return F.mse_loss(y[:, 0], target) + 0.3 * apart + alike + again


def _measure_difference(a: Tensor, b: Tensor) -> Tensor:
    units = []
    for x in (a, b):
        x = x - x.mean(0)
        units.append(x / (x.norm(dim=1, keepdim=True).detach() + 1e-6))
    return (units[0].t() @ units[1]).square().mean()


def _measure_moments(a: Tensor, b: Tensor) -> Tensor:
    means = a.mean(0), b.mean(0)
    distance = (means[0] - means[1]).square().sum().sqrt()
    for k in range(2, 6):
        moments = [((x - mean) ** k).mean(0) for x, mean in zip((a, b), means, strict=True)]
        distance = distance + (moments[0] - moments[1]).square().sum().sqrt()
    return distance


class PictureNet(nn.Module):
    """Convolutions without bias, batch norms, ReLU and pools; the mean of every layer's map."""

    def __init__(self, channels: int, filters: int, depth: int, classes: int, pools_first: bool):
        super().__init__()
        widths = [channels, *(filters * 2**i for i in range(depth))]
        for i in range(depth):
            size = 5 if i == 0 else 3
            convolution = nn.Conv2d(widths[i], widths[i + 1], size, padding=size // 2, bias=False)
            setattr(self, f"conv{i + 1}", convolution)
            setattr(self, f"bn{i + 1}", nn.BatchNorm2d(widths[i + 1]))
        self.classifier = nn.Sequential(nn.Linear(widths[-1], classes))
        self.depth, self.pools_first = depth, pools_first

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        features = []
        for i in range(self.depth):
            x = F.relu(getattr(self, f"bn{i + 1}")(getattr(self, f"conv{i + 1}")(x)))
            before = x
            x = F.max_pool2d(x, 2) if i + 1 < self.depth or self.pools_first else x
            features.append((x if i == 0 and self.pools_first else before).mean((2, 3)))
        return features, self.classifier(features[-1])


class CentralNet(nn.Module):
    """CentralNet on pictures by the names of MFAS' code, fusions 3+1, 4+2 and 5+3. Returns its loss."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.audio_net = PictureNet(1, channels, 5, classes, pools_first=True)
        self.image_net = PictureNet(1, channels, 3, classes, pools_first=False)
        for k in range(3):
            setattr(self, f"central_conv{k + 1}", nn.Conv1d(1, 1, 3, padding=1, bias=False))
            for i in range(2):
                setattr(self, f"alpha{k + 1}_feat{i + 1}", nn.Parameter(torch.rand(1)))
        self.alpha_conv1, self.alpha_conv2 = nn.Parameter(torch.rand(1)), nn.Parameter(torch.rand(1))
        self.central_classifier = nn.Linear(16 * channels, classes)

    def forward(self, audio: Tensor, image: Tensor, label: Tensor) -> Tensor:
        (sounds, of_audio), (pictures, of_image) = self.audio_net(audio), self.image_net(image)
        hidden = None
        for k in range(3):
            one, other = sounds[k + 2], pictures[k]
            other = F.pad(other, (0, one.shape[1] - other.shape[1]))
            x = getattr(self, f"alpha{k + 1}_feat1") * one + getattr(self, f"alpha{k + 1}_feat2") * other
            if hidden is not None:
                x = x + getattr(self, f"alpha_conv{k}") * F.pad(hidden, (0, x.shape[1] - hidden.shape[1]))
            hidden = F.relu(getattr(self, f"central_conv{k + 1}")(x[:, None])[:, 0])
        logits = of_audio, of_image, self.central_classifier(hidden)
        return sum(F.cross_entropy(y, label) for y in logits)


class Contextual(nn.Module):
    """MMMU-BA: a bidirectional GRU and a dense layer a modality, and attention of every pair, step by step.

    torch's GRU has a second bias and resets behind the product, so its numbers are not Keras'.
    """

    def __init__(self, features: dict[str, int], units: int, width: int, classes: int, rates: Sequence[float]):
        super().__init__()
        self.names, self.rates = tuple(features), rates
        for m, size in features.items():
            setattr(self, f"gru_{m}", nn.GRU(size, units, batch_first=True, bidirectional=True))
            setattr(self, f"dense_{m}", nn.Linear(2 * units, width))
        self.dense_out = nn.Linear(len(features) * 3 * width, classes)

    def forward(self, **inputs: Tensor) -> Tensor:
        code = {}
        for m in self.names:
            states = getattr(self, f"gru_{m}")(F.dropout(inputs[m], self.rates[0], self.training))[0]
            states = F.dropout(states, self.rates[2], self.training)
            code[m] = F.dropout(torch.tanh(getattr(self, f"dense_{m}")(states)), self.rates[3], self.training)
        attended = []
        for one, other in itertools.combinations(self.names, 2):
            x, y = code[one], code[other]
            scores = x @ y.transpose(1, 2)
            attended += [F.softmax(scores, dim=2) @ y * x, F.softmax(scores.transpose(1, 2), dim=2) @ x * y]
        return self.dense_out(torch.cat([*attended, *code.values()], dim=2))


class SharedGru(nn.Module):
    """TensorFlow 1's GRU cell, the same weights for both directions."""

    def __init__(self, inputs: int, units: int):
        super().__init__()
        self.gates_kernel = nn.Parameter(torch.empty(inputs + units, 2 * units))
        self.candidate_kernel = nn.Parameter(torch.empty(inputs + units, units))
        for kernel in (self.gates_kernel, self.candidate_kernel):
            nn.init.xavier_uniform_(kernel)
        self.gates_bias = nn.Parameter(torch.zeros(2 * units))
        self.candidate_bias = nn.Parameter(torch.zeros(units))
        self.inputs, self.units = inputs, units

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat([x, x.flip(1)])  # both directions side by side: they share the weights
        gates = both @ self.gates_kernel[: self.inputs] + self.gates_bias
        news = both @ self.candidate_kernel[: self.inputs] + self.candidate_bias
        h, states = x.new_zeros(len(both), self.units), []
        for t in range(x.shape[1]):
            r, u = torch.sigmoid(gates[:, t] + h @ self.gates_kernel[self.inputs :]).chunk(2, dim=1)
            new = torch.tanh(news[:, t] + (r * h) @ self.candidate_kernel[self.inputs :])
            h = u * h + (1 - u) * new
            states.append(h)
        forward, backward = torch.stack(states, dim=1).chunk(2)
        return torch.cat([forward, backward.flip(1)], dim=2)


class CatLstm(nn.Module):
    """CAT-LSTM's code, concatenated modalities, by the names that our converter reads. Returns its loss."""

    def __init__(self, features: int, units: int, width: int, classes: int, rates: Sequence[float]):
        super().__init__()
        self.gru, self.rates = SharedGru(features, units), rates
        self.dense = nn.ModuleList([nn.Linear(n, width) for n in (2 * units, width, width)])
        self.out = nn.Linear(width, classes)

    def forward(self, audio: Tensor, video: Tensor, text: Tensor, label: Tensor) -> Tensor:
        x = self.gru(torch.cat([audio, video, text], dim=2))
        for rate in self.rates[:2]:
            x = F.dropout(x, rate, self.training)
        for layer in self.dense:
            x = F.relu(layer(x))
        logits = self.out(F.dropout(x, self.rates[2], self.training))
        squares = [p.square().sum() / 2 for p in self.parameters()]
        return F.cross_entropy(logits.flatten(0, 1), label.flatten()) + 1e-5 * sum(squares) / len(squares)


class Seq2Seq(nn.Module):
    """A level of MCTN: encoder, attention and decoder, whose cells start anew at every step, as MMSA has them."""

    def __init__(self, inputs: int, width: int, outputs: int):
        super().__init__()
        self.encode, self.first = nn.LSTM(inputs, width, bidirectional=True), nn.Linear(width, width, bias=False)
        self.attn, self.v = nn.Linear(2 * width, width, bias=False), nn.Linear(width, 1, bias=False)
        self.decode, self.out = nn.LSTM(outputs + width, width, bidirectional=True), nn.Linear(2 * width, outputs)
        self.width = width

    def read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes [T, B, width] and the decoder's first state."""
        states, (last, _) = self.encode(x)
        return states[:, :, : self.width] + states[:, :, self.width :], torch.tanh(self.first(last[0] + last[1]))

    def write(self, codes: Tensor, hidden: Tensor, target: Tensor) -> Tensor:
        """Steps 1 ... of the target, each from the true one before."""
        steps = [torch.zeros_like(target[0])]
        for t in range(1, len(target)):
            asked = torch.cat([hidden.expand(len(codes), -1, -1), codes], dim=2)
            weights = F.softmax(self.v(torch.tanh(self.attn(asked)))[..., 0], dim=0)
            context = (weights[..., None] * codes).sum(0)
            _, (state, _) = self.decode(torch.cat([target[t - 1], context], dim=1)[None])
            hidden = state[0] + state[1]
            steps.append(self.out(torch.cat([hidden, context], dim=1)))
        return torch.stack(steps)


class Mctn(nn.Module):
    """MCTN of three modalities: translations there and back, and the label from the last code. Returns its loss."""

    def __init__(self, features: int, width: int):
        super().__init__()
        self.first, self.second = Seq2Seq(features, width, features), Seq2Seq(width, width, features)
        self.rnn, self.score, self.dense = nn.LSTM(width, width), nn.Linear(width, 1), nn.Linear(width, 1)

    def forward(self, text: Tensor, vision: Tensor, audio: Tensor, target: Tensor) -> Tensor:
        codes, state = self.first.read(text)  # MMSA's recurrences run over axis 0, the examples
        there = self.first.write(codes, state, vision)
        back = self.first.write(*self.first.read(there), text)
        joint, state = self.second.read(codes)
        last = self.second.write(joint, state, audio)
        states, _ = self.rnn(joint)
        weights = F.softmax(torch.tanh(self.score(states)), dim=1)
        y = self.dense((weights * states).sum(1))
        again = F.mse_loss(there, vision) + F.mse_loss(back, text) + F.mse_loss(last, audio)
        return 0.1 * again + F.l1_loss(y, target)


class Early(nn.Module):
    """Vectors side by side and two dense layers."""

    def __init__(self, features: Sequence[int], width: int, classes: int, dropout: float):
        super().__init__()
        self.hidden, self.head, self.dropout = nn.Linear(sum(features), width), nn.Linear(width, classes), dropout

    def forward(self, *xs: Tensor) -> Tensor:
        x = F.dropout(torch.cat(xs, dim=1), self.dropout, self.training)
        return self.head(F.dropout(F.relu(self.hidden(x)), self.dropout, self.training))


class Late(nn.Module):
    """Two dense layers for each vector; the mean of the probabilities. Returns the logits of each modality, too."""

    def __init__(self, features: Sequence[int], width: int, classes: int, dropout: float):
        super().__init__()
        self.branches = nn.ModuleList([Early([n], width, classes, dropout) for n in features])

    def forward(self, *xs: Tensor) -> list[Tensor]:
        heads = [branch(x) for branch, x in zip(self.branches, xs, strict=True)]
        return [*heads, torch.stack([F.softmax(y, dim=1) for y in heads]).mean(0).clamp_min(1e-7).log()]


class Gmu(nn.Module):
    """GMU of two vectors with two maxout layers."""

    def __init__(self, features: Sequence[int], width: int, classes: int, dropout: float):
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm1d(n) for n in features])
        self.dense = nn.ModuleList([nn.Linear(n, width, bias=False) for n in features])
        self.gate = nn.Linear(sum(features), width, bias=False)
        self.maxout = nn.ModuleList([nn.Linear(width, 2 * width) for _ in range(2)])
        self.maxout_norms = nn.ModuleList([nn.BatchNorm1d(width) for _ in range(2)])
        self.head, self.dropout = nn.Linear(width, classes), dropout

    def forward(self, *xs: Tensor) -> Tensor:
        one, other = (torch.tanh(d(n(x))) for d, n, x in zip(self.dense, self.norms, xs, strict=True))
        gate = torch.sigmoid(self.gate(torch.cat(xs, dim=1)))
        x = gate * one + (1 - gate) * other
        for maxout, norm in zip(self.maxout, self.maxout_norms, strict=True):
            x = norm(maxout(F.dropout(x, self.dropout, self.training)).unflatten(1, (-1, 2)).amax(2))
        return self.head(x)


class Marn(nn.Module):
    """MARN: LSTMs that also read what several attentions make of all their states."""

    def __init__(self, features: Sequence[int], units: int, attentions: int, widths: Sequence[int]):
        super().__init__()
        attention, reduced, code, head = widths
        self.units, self.attentions, self.code, total = units, attentions, code, len(features) * units
        self.reads = nn.ModuleList([nn.Linear(n, 4 * units) for n in features])
        self.keeps = nn.ModuleList([nn.Linear(units, 4 * units, bias=False) for _ in features])
        self.hears = nn.ModuleList([nn.Linear(code, 4 * units, bias=False) for _ in features])
        self.attend = nn.Sequential(nn.Linear(total, attention), nn.ReLU(), nn.Linear(attention, attentions * total))
        self.reduce = nn.ModuleList([nn.Linear(attentions * units, reduced) for _ in features])
        self.codes = nn.Sequential(nn.Linear(reduced * len(features), code), nn.ReLU(), nn.Linear(code, code))
        self.head = nn.Sequential(nn.Linear(total + code, head), nn.ReLU(), nn.Linear(head, 1))

    def forward(self, *xs: Tensor) -> Tensor:
        batch = len(xs[0])
        read = [layer(x) for layer, x in zip(self.reads, xs, strict=True)]
        h = [xs[0].new_zeros(batch, self.units) for _ in xs]
        c, z = [torch.zeros_like(one) for one in h], xs[0].new_zeros(batch, self.code)
        for t in range(xs[0].shape[1]):
            for i in range(len(xs)):
                gates = read[i][:, t] + self.keeps[i](h[i]) + self.hears[i](z)
                a, f, g, o = gates.chunk(4, dim=1)
                c[i] = torch.sigmoid(f) * c[i] + torch.sigmoid(a) * torch.tanh(g)
                h[i] = torch.sigmoid(o) * torch.tanh(c[i])
            joined = torch.cat(h, dim=1)
            weights = F.softmax(self.attend(joined).unflatten(1, (self.attentions, -1)), dim=2)
            parts = (weights * joined[:, None]).split(self.units, dim=2)
            z = self.codes(torch.cat([F.relu(r(p.flatten(1))) for r, p in zip(self.reduce, parts, strict=True)], dim=1))
        return self.head(torch.cat([*h, z], dim=1))
