"""Fusion methods at their published sizes, as PyTorch modules and as ours with the same weights; `zoo` times them.

Inputs have the names of the fixtures in tests/zoo, whose cases say what ours reads and how its loss is computed.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks import torch_methods as more
from benchmarks import torch_names
from benchmarks import torch_others as others
from benchmarks import torch_zoo as zoo

BATCH, STEPS = 32, 50
TEXT, AUDIO, VIDEO = 300, 5, 20
"""CMU-MOSI's GloVe vectors, and as many numbers of COVAREP and FACET as MulT's and MMSA's files have."""
Arrays = dict[str, np.ndarray]


class Method(NamedTuple):
    """One method.

    Attributes:
      sizes: what is published, in words.
      build: makes the module.
      shapes: input -> its shape; of whole numbers (shape, how many there are) or (shape, least, how many).
      loss: of the module and its inputs.
      arguments: of the authors' constructor, for `launch.convert`.
      rename: the start of a name in the module -> that in the authors' state dict.
      model: fields of ours, of a method whose weights are not read from anywhere.
      names: of such a method the start of our parameters' names -> that in the module, see `torch_names`.
    """

    sizes: str
    build: Callable[[], nn.Module]
    shapes: Mapping[str, Any]
    loss: Callable[[nn.Module, dict[str, Tensor]], Tensor]
    arguments: Mapping[str, Any] = {}
    rename: Mapping[str, str] = {}
    model: Mapping[str, Any] = {}
    names: Mapping[str, str] = {}


def draw(method: Method) -> Arrays:
    """Inputs from the normal distribution; whole numbers evenly."""
    rng, arrays = np.random.default_rng(0), {}
    for name, shape in method.shapes.items():
        if isinstance(shape[0], tuple):
            arrays[name] = rng.integers(*shape[1:], size=shape[0])
        else:
            arrays[name] = rng.standard_normal(shape).astype(np.float32)
    return arrays


def get_weights(method: Method, module: nn.Module) -> Arrays:
    """The module's state dict by the authors' names."""
    arrays = {}
    for name, value in module.state_dict().items():
        start = max((s for s in method.rename if name.startswith(s)), key=len, default="")
        arrays[method.rename.get(start, "") + name[len(start) :]] = value.numpy()
    return arrays


def _absolute(*names: str) -> Callable[[nn.Module, dict[str, Tensor]], Tensor]:
    return lambda m, ins: (m(*(ins[n] for n in names)).reshape(ins["target"].shape) - ins["target"]).abs().mean()


def _take_outputs(*names: str) -> Callable[[nn.Module, dict[str, Tensor]], Tensor]:
    return lambda m, ins: m(*(ins[n] for n in names))


def _sum_squares(*pairs: tuple[str, str]) -> Callable[[nn.Module, dict[str, Tensor]], Tensor]:
    """Of several features and their targets."""

    def compute(module: nn.Module, ins: dict[str, Tensor]) -> Tensor:
        outputs = module(*(ins[one] for one, _ in pairs))
        return sum(F.mse_loss(y, ins[target]) for y, (_, target) in zip(outputs, pairs, strict=True))

    return compute


def _error(*names: str) -> Callable[[nn.Module, dict[str, Tensor]], Tensor]:
    return lambda m, ins: F.mse_loss(m(*(ins[n] for n in names)), ins["target"])


def _classes(*names: str) -> Callable[[nn.Module, dict[str, Tensor]], Tensor]:
    return lambda m, ins: F.cross_entropy(m(*(ins[n] for n in names)), ins["label"])


def _late(module: nn.Module, ins: dict[str, Tensor]) -> Tensor:
    heads = module(*(ins[n] for n in ("text", "video", "audio")))[:-1]
    return sum(F.cross_entropy(y, ins["label"]) for y in heads)


def _contextual(module: nn.Module, ins: dict[str, Tensor]) -> Tensor:
    logits = module(**{n: ins[n] for n in ("video", "audio", "text")})
    return F.cross_entropy(logits.flatten(0, 1), ins["label"].flatten())


_SEQUENCES = dict(text=(BATCH, STEPS, TEXT), audio=(BATCH, STEPS, AUDIO), video=(BATCH, STEPS, VIDEO))
_MEANS = dict(audio=(BATCH, AUDIO), video=(BATCH, VIDEO), text=(BATCH, STEPS, TEXT), target=(BATCH, 1))
_VECTORS = dict(text=(BATCH, 100), video=(BATCH, 100), audio=(BATCH, 100), label=((BATCH,), 2))
_VIDEOS = dict(text=(10, 63, 100), audio=(10, 63, 73), video=(10, 63, 100), label=((10, 63), 2))
_ALL, _ALL_VECTORS = ("text", "audio", "video"), ("text", "video", "audio")
_SORTED = ("audio", "text", "video")
"""As a scan has what it carries by name: so the head of RMFN reads the last states."""
_STAGES = ("first", "second")
_MOVIES = dict(text=(128, 300), video=(128, 4096), label=((128,), 23))


def _rename_mctn() -> dict[str, str]:
    names = dict(encode="encoder{}.rnn", first="encoder{}.fc", attn="attn{}.attn", v="attn{}.v")
    names |= dict(decode="decoder{}.rnn", out="decoder{}.fc_out")
    levels = {f"{level}.{ours}": theirs for level in ("first", "second") for ours, theirs in names.items()}
    levels = {ours: theirs.format(1 if ours.startswith("first.") else 2) for ours, theirs in levels.items()}
    return levels | {"rnn": "regression.rnn", "score": "regression.linear", "dense": "regression.linear2"}


def _name_rmfn() -> dict[str, str]:
    names = {name: name for name in ("highlight", "score", "fuse", "summarize")}
    names |= {"head/dense_0": "head.0", "head/dense_1": "head.2"}
    leaves = {"weight_ih": "reads.{}.weight", "bias": "reads.{}.bias"}
    leaves |= {"weight_hh": "keeps.{}.weight", "weight_zh": "hears.{}.weight"}
    return names | {f"{m}_lstm/{ours}": name.format(i) for i, m in enumerate(_SORTED) for ours, name in leaves.items()}


def _name_xflow() -> dict[str, str]:
    names = {f"{m}_stage_{n}/conv": f"{part}.{i}" for i, m in enumerate(_ALL) for n, part in enumerate(_STAGES)}
    names |= torch_names.name_pairs(_ALL, "{n}_to_{m}_0", "between")
    return names | torch_names.name_pairs(_ALL, "{n}_input_to_{m}", "inputs") | dict(hidden="hidden", classifier="head")


METHODS: dict[str, Method] = {
    "early": Method(
        "CMU-MOSI's vectors 100 / 100 / 100, a dense layer of 64 (ours)",
        lambda: more.Early((100, 100, 100), 64, 2, 0.2),
        _VECTORS,
        _classes("text", "video", "audio"),
        model=dict(hidden=(64,), classes=2, summary="mean"),
    ),
    "late": Method(
        "the same, a dense layer each; the mean of the probabilities (ours)",
        lambda: more.Late((100, 100, 100), 64, 2, 0.2),
        _VECTORS,
        _late,
        model=dict(hidden=(64,), classes=2, summary="mean", combine="average"),
    ),
    "gmu": Method(
        "MM-IMDb: vectors 300 / 4,096, width 512, two maxout layers, batch 128",
        lambda: more.Gmu((300, 4096), 512, 23, 0.5),
        _MOVIES,
        _classes("text", "video"),
        model=dict(modalities=("text", "video"), classes=23, summary="mean", width=512),
    ),
    "mmtm": Method(
        "first module: 512 maps of 14 x 14 and 128 of 32, ratio 4",
        lambda: zoo.Mmtm(512, 128, 4),
        dict(visual=(8, 512, 14, 14), skeleton=(8, 128, 32), target_v=(8, 512, 14, 14), target_s=(8, 128, 32)),
        _sum_squares(("visual", "target_v"), ("skeleton", "target_s")),
        dict(ratio=4),
    ),
    "msaf": Method(
        "first attention on RAVDESS: 1,024 maps of 7 x 7 and 32 of 100, blocks of 16",
        lambda: zoo.Msaf((1024, 32), 16, 4),
        dict(x0=(8, 1024, 7, 7), x1=(8, 32, 100), target0=(8, 1024, 7, 7), target1=(8, 32, 100)),
        _sum_squares(("x0", "target0"), ("x1", "target1")),
        dict(in_channels=(1024, 32), reduction_factor=4, block_dropout=0.0),
    ),
    "mlb": Method(
        "300 x 74, width 1,200",
        lambda: zoo.Mlb((300, 74), 1200, 20),
        dict(x0=(BATCH, 300), x1=(BATCH, 74), target=(BATCH, 20)),
        _error("x0", "x1"),
    ),
    "mcb": Method(
        "2,048 x 2,048, sketch of 16,000",
        lambda: zoo.Mcb((2048, 2048), 16000, 8),
        dict(x0=(BATCH, 2048), x1=(BATCH, 2048), target=(BATCH, 8)),
        _error("x0", "x1"),
    ),
    "tfn": Method(
        "MMSA's on MOSI: hidden 128 / 32 / 128, text 32, post 64",
        lambda: zoo.Tfn((TEXT, AUDIO, VIDEO), (128, 32, 128), 32, 64, (0.3, 0.3, 0.3, 0.5)),
        dict(text=(BATCH, STEPS, TEXT), audio=(BATCH, 1, AUDIO), video=(BATCH, 1, VIDEO), target=(BATCH, 1)),
        _absolute("text", "audio", "video"),
        dict(dropouts=(0.3, 0.3, 0.3, 0.5)),
    ),
    "lmf": Method(
        "MMSA's on MOSI: hidden 16 / 128 / 128, text 64, rank 3",
        lambda: zoo.Lmf((AUDIO, VIDEO, TEXT), (16, 128, 128), 64, 3, 0.2),
        _MEANS,
        _absolute("text", "audio", "video"),
    ),
    "mult": Method(
        "MOSI: d 30, 5 heads, 5 layers, 50 steps",
        lambda: zoo.Mult((TEXT, AUDIO, VIDEO), 30, 5, 5),
        dict(x_l=_SEQUENCES["text"], x_a=_SEQUENCES["audio"], x_v=_SEQUENCES["video"], target=(BATCH, 1)),
        _absolute("x_l", "x_a", "x_v"),
        dict(num_heads=5),
    ),
    "misa": Method(
        "text 300, hidden 128, feed-forward 2,048; 47 and 74 features, 20 steps",
        lambda: more.Misa(1000, dict(t=300, v=47, a=74), 128, 2048, 0.5),
        dict(
            text=((20, BATCH), 1000),
            video=(20, BATCH, 47),
            audio=(20, BATCH, 74),
            target=(BATCH,),
            lengths=((BATCH,), 20, 21),
        ),
        _take_outputs("text", "video", "audio", "target"),
    ),
    "mfn": Method(
        "h 88 / 48 / 16, memory 128, 20 steps",
        lambda: zoo.Mfn((TEXT, AUDIO, VIDEO), (88, 48, 16), 128, (128, 64, 256, 64, 64)),
        dict(x=(20, BATCH, TEXT + AUDIO + VIDEO), target=(BATCH,)),
        _absolute("x"),
        {name: dict(drop=0.2) for name in ("NN1Config", "NN2Config", "gamma1Config", "gamma2Config", "outConfig")},
    ),
    "mfm": Method(
        "MMSA's on MOSI: h 128 / 32 / 128, codes 64 / 80 / 80 / 80, 50 steps",
        lambda: others.Mfm((TEXT, AUDIO, VIDEO), (64, 80, 80, 80), (32, 16, 64, 64), (0.5, 0.7, 0.5, 0.5)),
        dict(
            x=(STEPS, BATCH, TEXT + AUDIO + VIDEO),
            target=(BATCH,),
            **{f"noise_{letter}": (BATCH, 64 if letter == "l" else 80) for letter in "lavy"},
        ),
        lambda m, ins: m(**ins),
        dict(
            config={f"z{m}_to_f{m}_dropout": rate for m, rate in dict(l=0.5, a=0.7, v=0.5, y=0.5).items()},
            **{name: dict(drop=0.2) for name in ("NN1Config", "NN2Config", "gamma1Config", "gamma2Config")},
        ),
    ),
    "raven": Method(
        "the authors': cells 150, hidden 300, 50 words of 20 sub-steps, batch 20; all of it learns",
        lambda: others.Raven(50, (TEXT, 74, 47), 150, 300, 0.2, 0.2),
        dict(
            words=(20, 50, TEXT),
            covarep=(20, 50, 20, 74),
            facet=(20, 50, 20, 47),
            inputLens=((20,), 50, 51),
            covarepLens=((20, 50), 1, 21),
            facetLens=((20, 50), 1, 21),
            target=(20,),
        ),
        lambda m, ins: F.mse_loss(m(ins["words"], ins["covarep"], ins["facet"], ins), ins["target"]),
        dict(attached=True),
    ),
    "self_mm": Method(
        "MMSA's on MOSI: given text of 768, LSTMs of 16 and 32 over 375 and 500 steps, batch 16",
        lambda: others.SelfMm((768, AUDIO, VIDEO), (32, 16, 32), 128, (0.0, 0.1, 0.1, 0.0)),
        dict(
            text_features=(16, 50, 768),
            audio=(16, 375, AUDIO),
            video=(16, 500, VIDEO),
            audio_lengths=((16,), 300, 376),
            video_lengths=((16,), 400, 501),
            **{f"label_{letter}": (16,) for letter in "MTAV"},
        ),
        lambda m, ins: m(ins),
        dict(post_text_dropout=0.1, post_audio_dropout=0.1),
    ),
    "cen": Method(
        "a block of 64 maps of 56 x 56 of two streams, batch 4, half of the channels exchanged",
        lambda: others.Cen(64, 64, 0.02, 2e-4),
        dict(**{f"x{i}": (4, 64, 56, 56) for i in range(2)}, **{f"target{i}": (4, 256, 56, 56) for i in range(2)}),
        _take_outputs("x0", "x1", "target0", "target1"),
    ),
    "mutan": Method(
        "300 x 74, width 360, rank 10 (ours)",
        lambda: others.Mutan((300, 74), 360, 10, 20),
        dict(x0=(BATCH, 300), x1=(BATCH, 74), target=(BATCH, 20)),
        _error("x0", "x1"),
        dict(normalize=True),
    ),
    "block": Method(
        "300 x 74, width 1,600, 20 chunks, rank 15 (ours)",
        lambda: others.Block((300, 74), 1600, 20, 15, 20),
        dict(x0=(BATCH, 300), x1=(BATCH, 74), target=(BATCH, 20)),
        _error("x0", "x1"),
    ),
    "msaf_mfcc": Method(
        "13 coefficients, 216 frames, 8 classes",
        lambda: others.MfccNet(13, 1664, 8),
        dict(x=(BATCH, 13, 216), label=((BATCH,), 8)),
        _classes("x"),
    ),
    "modality_attention": Method(
        "CMU-MOSI's vectors 100 / 100 / 100, width 64 (ours)",
        lambda: others.ModalityAttention((100, 100, 100), 64, 2, 0.2),
        _VECTORS,
        _classes("text", "video", "audio"),
        model=dict(classes=2, summary="mean"),
        names=dict(torch_names.spread(_ALL_VECTORS, project="project", score="ask"), score="score", classifier="head"),
    ),
    "rmfn": Method(
        "widths of 64, three stages, 20 steps (ours: the paper's are not known)",
        lambda: others.Rmfn((AUDIO, TEXT, VIDEO), 64, 3, (64, 64, 64, 64)),
        dict(text=(BATCH, 20, TEXT), audio=(BATCH, 20, AUDIO), video=(BATCH, 20, VIDEO), target=(BATCH,)),
        _absolute(*_SORTED),
        model=dict(modalities=_SORTED),
        names=_name_rmfn(),
    ),
    "faf": Method(
        "GRUs of 64, convolution of 64, 20 steps (ours: the paper's are not known)",
        lambda: others.Faf((TEXT, AUDIO, VIDEO), 64, 0.2),
        dict(text=(BATCH, 20, TEXT), audio=(BATCH, 20, AUDIO), video=(BATCH, 20, VIDEO), target=(BATCH,)),
        _absolute("text", "audio", "video"),
        model=dict(modalities=("text", "audio", "video")),
        names=dict(
            torch_names.spread(_ALL, gru="grus", attention="weights"),
            **dict(fine="fine", convolution="convolution", classifier="head"),
        ),
    ),
    "mcsan": Method(
        "width 64, four heads, 50 steps (ours: the paper's are not known)",
        lambda: others.Mcsan((TEXT, AUDIO, VIDEO), 64, 4, 0.2),
        dict(_SEQUENCES, target=(BATCH,)),
        _absolute("text", "audio", "video"),
        model=dict(modalities=("text", "audio", "video")),
        names=dict(
            torch_names.spread(_ALL, projection="project") | torch_names.name_branches(_ALL),
            **dict(hidden="hidden", classifier="head"),
        ),
    ),
    "xflow": Method(
        "two stages of 64, cross-connections of 32, 50 steps (ours: the paper reads pictures)",
        lambda: others.XFlow((TEXT, AUDIO, VIDEO), 64, 32, 0.2),
        dict(_SEQUENCES, target=(BATCH,)),
        _absolute("text", "audio", "video"),
        model=dict(modalities=("text", "audio", "video")),
        names=_name_xflow(),
    ),
    "graph_mfn": Method(
        "MMSA's on MOSI: h 256 / 32 / 256, memory 300, inner 64, width 100, 50 steps",
        lambda: zoo.GraphMfn((TEXT, AUDIO, VIDEO), (256, 32, 256), 300, 64, (100, 32, 128, 64, 256)),
        dict(_SEQUENCES, target=(BATCH, 1)),
        _absolute("text", "audio", "video"),
        dict(gamma1Config=dict(drop=0.5), gamma2Config=dict(drop=0.5)),
    ),
    "marn": Method(
        "widths of 64, four attentions, 20 steps (ours: the paper's are not known)",
        lambda: more.Marn((TEXT, AUDIO, VIDEO), 64, 4, (64, 32, 64, 64)),
        dict(text=(BATCH, 20, TEXT), audio=(BATCH, 20, AUDIO), video=(BATCH, 20, VIDEO), target=(BATCH,)),
        _absolute("text", "audio", "video"),
        model=dict(modalities=("text", "audio", "video")),
    ),
    "catlstm": Method(
        "100 units, three dense layers of 200, 10 videos of 63 utterances",
        lambda: more.CatLstm(300, 100, 200, 2, (0.4, 0.2, 0.2)),
        dict(_VIDEOS, audio=(10, 63, 100), mask=((10, 63), 1, 2)),
        _take_outputs("audio", "video", "text", "label"),
    ),
    "mmmu_ba": Method(
        "GRUs of 300, dense layers of 100, 10 videos of 63 utterances",
        lambda: more.Contextual(dict(video=100, audio=73, text=100), 300, 100, 2, (0.5, 0.5, 0.7, 0.7)),
        _VIDEOS,
        _contextual,
        model=dict(classes=2, dropouts=(0.5, 0.5, 0.7, 0.7)),
    ),
    "centralnet": Method(
        "AV-MNIST: 24 channels, pictures of 112 x 112 and 28 x 28, batch 8",
        lambda: more.CentralNet(24, 10),
        dict(audio=(8, 1, 112, 112), image=(8, 1, 28, 28), label=((8,), 10)),
        _take_outputs("audio", "image", "label"),
    ),
    "mctn": Method(
        "MMSA's: hidden 32, text 300, 50 steps; recurrences over the examples, as there",
        lambda: more.Mctn(TEXT, 32),
        dict(text=(BATCH, STEPS, TEXT), vision=(BATCH, STEPS, TEXT), audio=(BATCH, STEPS, TEXT), target=(BATCH, 1)),
        _take_outputs("text", "vision", "audio", "target"),
        rename=_rename_mctn(),
    ),
}
