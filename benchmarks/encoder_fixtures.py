"""Small models of every family of encoders, made and run by their authors' libraries, for tests/encoders.

    python -m benchmarks.encoder_fixtures tests/encoders/data

Needs requirements-bench.txt (PyTorch, transformers, torchvision). Writes an npz a case: `config` (json), `param/NAME`,
`in/...`, `out/...`, gradients `grad/NAME` and the losses of three steps of gradient descent, `sgd`. Weights are random.
Every clip or text runs alone, without padding, so that what ours makes of the padded batch can be held against it. The
loss is the mean squared difference to `in/target` over all valid steps.

`front/` has what training makes of two of these encoders below a head: states of all layers mixed by softmax weights,
the mean over time, a dense layer, cross entropy (`make_front`); and what a third makes of masked steps, and how many
steps the library's draws of spans cover (`make_masked`).
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.encoder_masked import make_masked

LEARNING_RATE, STEPS = 0.02, 3
_CONV = dict(conv_dim=(6, 6, 6), conv_kernel=(10, 3, 2), conv_stride=(5, 2, 2), num_feat_extract_layers=3)
_SPEECH = dict(
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=12,
    num_conv_pos_embeddings=8,
    num_conv_pos_embedding_groups=2,
    vocab_size=5,
    **_CONV,
)
_LARGE = dict(feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True)
_WAVLM = dict(num_buckets=16, max_bucket_distance=20)
SPEECH = {
    "wav2vec2_base": ("Wav2Vec2Model", "Wav2Vec2Config", _SPEECH),
    "wav2vec2_large": ("Wav2Vec2Model", "Wav2Vec2Config", _SPEECH | _LARGE | dict(num_conv_pos_embeddings=7)),
    "hubert_base": ("HubertModel", "HubertConfig", _SPEECH | dict(feat_proj_layer_norm=False)),
    "hubert_large": ("HubertModel", "HubertConfig", _SPEECH | _LARGE),
    "wavlm_base": ("WavLMModel", "WavLMConfig", _SPEECH | _WAVLM),
    "wavlm_large": ("WavLMModel", "WavLMConfig", _SPEECH | _LARGE | _WAVLM),
}
_WORDS = dict(
    vocab_size=20,
    hidden_size=8,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=12,
    max_position_embeddings=14,
)
WORDS = {
    "bert": ("BertModel", "BertConfig", _WORDS),
    "roberta": ("RobertaModel", "RobertaConfig", _WORDS | dict(type_vocab_size=1, hidden_act="gelu_new")),
}
FRONTS, CLASSES = ("wav2vec2_base", "bert"), 3
_TOWER = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, projection_dim=6)


def load_torchvision() -> Any:
    """Torchvision beside a CPU build of torch, for which its compiled operators are missing; its networks need none."""
    library = torch.library.Library("torchvision", "DEF")
    while True:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        try:
            import torchvision
        except RuntimeError as error:
            missing = re.search(r"torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            library.define(f"{missing[1]}() -> ()")
        else:
            _KEPT.append(library)
            return torchvision


_KEPT: list[Any] = []
"""Definitions last as long as their library."""


def main(folder: Path) -> None:
    """Writes every case to `folder`."""
    torchvision = load_torchvision()
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    for name, (model, config, sizes) in SPEECH.items():
        write(folder / f"{name}.npz", make_speech(transformers, model, config, sizes))
    for name, (model, config, sizes) in WORDS.items():
        write(folder / f"{name}.npz", make_words(transformers, model, config, sizes))
    write(folder / "clip_images.npz", make_images(transformers))
    for name, end in (("clip_words", 19), ("clip_words_old", 2)):
        write(folder / f"{name}.npz", make_texts(transformers, end))
    write_fronts(transformers, folder)
    (folder / "processing").mkdir(exist_ok=True)
    write(folder / "processing" / "arrays.npz", make_processing(torchvision, transformers))
    make_tokenizers(transformers, folder / "processing")
    for name, block, depths in (
        ("resnet_basic", "BasicBlock", (1, 2, 1, 1)),
        ("resnet_bottleneck", "Bottleneck", (1, 1, 2, 1)),
    ):
        write(folder / f"{name}.npz", make_resnet(torchvision, block, depths))


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes one case."""
    np.savez_compressed(path, **arrays)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def shake(model: torch.nn.Module) -> None:
    """Gives every parameter and running moment random values: those that are made begin at 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
        for name, buffer in model.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer += 0.2 * torch.rand(buffer.shape, generator=generator)


def train(model: torch.nn.Module, compute_loss: Callable[[], torch.Tensor]) -> dict[str, np.ndarray]:
    """Gradients, and the losses before each of three steps of gradient descent."""
    arrays = {f"param/{name}": value.detach().numpy().copy() for name, value in model.state_dict().items()}
    losses = []
    for step in range(STEPS):
        model.zero_grad()
        loss = compute_loss()
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.grad is None:
                    continue
                if not step:
                    arrays[f"grad/{name}"] = parameter.grad.numpy().copy()
                parameter -= LEARNING_RATE * parameter.grad
    return arrays | {"sgd": np.array(losses)}


def run_alone(
    model: torch.nn.Module, lengths: list[int], run: Callable[[int], Any], target: torch.Tensor
) -> dict[str, np.ndarray]:
    """States of every layer of each example alone, and what training does.

    Args:
      model: the network.
      lengths: valid steps of each example, of its output.
      run: example -> the network's output.
      target: [examples, most steps, D].
    """
    outputs = {}
    for index in range(len(lengths)):
        with torch.no_grad():
            output = run(index)
        for layer, state in enumerate(output.hidden_states):
            outputs[f"out/{index}/state_{layer}"] = state[0].numpy()
        outputs[f"out/{index}/last"] = output.last_hidden_state[0].numpy()
        if getattr(output, "pooler_output", None) is not None:
            outputs[f"out/{index}/pooled"] = output.pooler_output[0].numpy()

    def compute_loss() -> torch.Tensor:
        errors = [
            torch.square(run(index).last_hidden_state[0] - target[index, :length]).sum()
            for index, length in enumerate(lengths)
        ]
        return sum(errors) / (sum(lengths) * target.shape[-1])

    return outputs | train(model, compute_loss)


def make_speech(transformers: Any, model_name: str, config_name: str, sizes: dict[str, Any]) -> dict[str, np.ndarray]:
    """Clips of 700, 433 and 211 samples, the third silent."""
    torch.manual_seed(0)
    config = getattr(transformers, config_name)(**sizes, attn_implementation="eager")
    model = getattr(transformers, model_name)(config).eval()
    shake(model)
    lengths = [700, 433, 211]
    samples = torch.randn(3, max(lengths))
    samples[2] = 0
    steps = [int(model._get_feat_extract_output_lengths(length)) for length in lengths]
    target = torch.randn(3, max(steps), config.hidden_size)

    def run(index: int) -> Any:
        return model(samples[index : index + 1, : lengths[index]], output_hidden_states=True)

    arrays = run_alone(model, steps, run, target)
    inputs = {"in/samples": samples.numpy(), "in/lengths": np.array(lengths), "in/target": target.numpy()}
    return arrays | inputs | {"config": np.array(json.dumps(config.to_dict(), default=str))}


def make_words(transformers: Any, model_name: str, config_name: str, sizes: dict[str, Any]) -> dict[str, np.ndarray]:
    """Texts of 9, 4 and 1 pieces; of BERT the second half of the first text is a second sentence."""
    torch.manual_seed(0)
    config = getattr(transformers, config_name)(**sizes, attn_implementation="eager")
    model = getattr(transformers, model_name)(config).eval()
    shake(model)
    lengths = [9, 4, 1]
    pieces = torch.randint(3, 20, (3, max(lengths)))
    kinds = torch.zeros_like(pieces)
    kinds[0, 5:] = config.type_vocab_size - 1
    target = torch.randn(3, max(lengths), config.hidden_size)

    def run(index: int) -> Any:
        at = slice(index, index + 1), slice(0, lengths[index])
        return model(pieces[at], token_type_ids=kinds[at], output_hidden_states=True)

    arrays = run_alone(model, lengths, run, target)
    inputs = {"in/pieces": pieces.numpy(), "in/kinds": kinds.numpy(), "in/lengths": np.array(lengths)}
    config_text = {"config": np.array(json.dumps(config.to_dict(), default=str))}
    return arrays | inputs | {"in/target": target.numpy()} | config_text


def write_fronts(transformers: Any, folder: Path) -> None:
    """Writes the cases of training below a head, of the encoders in `folder`."""
    (folder / "front").mkdir(exist_ok=True)
    for name, (model, config, sizes) in {key: (SPEECH | WORDS)[key] for key in FRONTS}.items():
        made = getattr(transformers, model)(getattr(transformers, config)(**sizes, attn_implementation="eager"))
        with np.load(folder / f"{name}.npz") as case:
            write(folder / "front" / f"{name}.npz", make_front(made.eval(), case))
    write_masked(transformers, folder)


def write_masked(transformers: Any, folder: Path) -> None:
    """Writes the case of masked steps, of an encoder in `folder`."""
    made = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**_SPEECH, attn_implementation="eager"))
    with np.load(folder / "wav2vec2_base.npz") as case:
        write(folder / "front" / "masked.npz", make_masked(made.eval(), case))


def make_front(model: torch.nn.Module, case: Any) -> dict[str, np.ndarray]:
    """Three steps of gradient descent on the encoder of a case, the mixture of its states and a head, all together.

    Each example runs alone. Written are the head and the mixture before training, their gradients, the losses before
    each step, and the logits behind the last one.
    """
    named = {key.removeprefix("param/"): torch.tensor(case[key]) for key in case.files if key.startswith("param/")}
    model.load_state_dict(named)
    key = "in/samples" if "in/samples" in case.files else "in/pieces"
    examples = [torch.tensor(x[:length])[None] for x, length in zip(case[key], case["in/lengths"], strict=True)]
    generator = torch.Generator().manual_seed(2)
    width, layers = model.config.hidden_size, model.config.num_hidden_layers
    head = torch.nn.Linear(width, CLASSES)
    scores = torch.nn.Parameter(torch.randn(layers + 1, generator=generator))
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    labels = torch.tensor([0, 2, 1])

    def answer() -> torch.Tensor:
        logits = []
        for example in examples:
            states = torch.stack(model(example, output_hidden_states=True).hidden_states)
            mixed = (torch.softmax(scores, 0)[:, None, None, None] * states).sum(0)
            logits.append(head(mixed.mean(1)))
        return torch.cat(logits)

    parameters = [*model.parameters(), *head.parameters(), scores]
    arrays = {"head/kernel": head.weight.detach().numpy().T.copy(), "head/bias": head.bias.detach().numpy().copy()}
    arrays |= {"scores": scores.detach().numpy().copy(), "labels": labels.numpy()}
    losses = []
    for step in range(STEPS):
        for parameter in parameters:
            parameter.grad = None
        loss = torch.nn.functional.cross_entropy(answer(), labels)
        loss.backward()
        losses.append(loss.item())
        if not step:
            arrays |= {"grad/kernel": head.weight.grad.numpy().T.copy(), "grad/scores": scores.grad.numpy().copy()}
        with torch.no_grad():
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter -= LEARNING_RATE * parameter.grad
    return arrays | {"sgd": np.array(losses), "logits": answer().detach().numpy()}


def make_clip(transformers: Any, end: int) -> Any:
    """A small CLIP with shaken weights, and its config."""
    torch.manual_seed(0)
    text = _TOWER | dict(vocab_size=20, max_position_embeddings=12, eos_token_id=end, bos_token_id=1, pad_token_id=0)
    config = transformers.CLIPConfig(
        text_config=text, vision_config=_TOWER | dict(image_size=8, patch_size=4), projection_dim=6
    )
    config._attn_implementation = "eager"
    model = transformers.CLIPModel(config).eval()
    shake(model)
    return model, config


def make_images(transformers: Any) -> dict[str, np.ndarray]:
    """Three images."""
    model, config = make_clip(transformers, 19)
    images = torch.randn(3, 3, 8, 8)
    target = torch.randn(3, 5, 8)

    def run(index: int) -> Any:
        return model.vision_model(images[index : index + 1], output_hidden_states=True)

    with torch.no_grad():
        embeddings = model.visual_projection(model.vision_model(images).pooler_output)
    arrays = run_alone(model, [5, 5, 5], run, target)
    arrays |= {f"out/{index}/embedding": embedding.numpy() for index, embedding in enumerate(embeddings)}
    inputs = {"in/images": images.permute(0, 2, 3, 1).numpy(), "in/target": target.numpy()}
    return arrays | inputs | {"config": np.array(json.dumps(config.to_dict(), default=str))}


def make_texts(transformers: Any, end: int) -> dict[str, np.ndarray]:
    """Texts of 8, 5 and 3 pieces, each ended by the greatest number."""
    model, config = make_clip(transformers, end)
    lengths = [8, 5, 3]
    pieces = torch.randint(3, 19, (3, max(lengths)))
    for index, length in enumerate(lengths):
        pieces[index, length - 1] = 19
    target = torch.randn(3, max(lengths), 8)

    def run(index: int) -> Any:
        return model.text_model(pieces[index : index + 1, : lengths[index]], output_hidden_states=True)

    with torch.no_grad():
        embeddings = [model.text_projection(run(index).pooler_output)[0] for index in range(3)]
    arrays = run_alone(model, lengths, run, target)
    arrays |= {f"out/{index}/embedding": embedding.numpy() for index, embedding in enumerate(embeddings)}
    inputs = {"in/pieces": pieces.numpy(), "in/lengths": np.array(lengths), "in/target": target.numpy()}
    return arrays | inputs | {"config": np.array(json.dumps(config.to_dict(), default=str))}


def make_resnet(torchvision: Any, block: str, depths: tuple[int, ...]) -> dict[str, np.ndarray]:
    """A narrow ResNet of torchvision's own blocks and forward pass, by running moments and in training."""
    torch.manual_seed(0)
    resnet = torchvision.models.resnet
    width = 2

    class Narrow(resnet.ResNet):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = (
                torch.nn.BatchNorm2d,
                width,
                1,
                1,
                64,
            )
            self.conv1 = torch.nn.Conv2d(3, width, 7, 2, 3, bias=False)
            self.bn1, self.relu = torch.nn.BatchNorm2d(width), torch.nn.ReLU(inplace=True)
            self.maxpool = torch.nn.MaxPool2d(3, 2, 1)
            kind = getattr(resnet, block)
            for stage, depth in enumerate(depths):
                layer = self._make_layer(kind, width * 2**stage, depth, stride=1 + (stage > 0))
                setattr(self, f"layer{stage + 1}", layer)
            self.avgpool = torch.nn.AdaptiveAvgPool2d((1, 1))
            self.fc = torch.nn.Linear(8 * width * kind.expansion, 3)

    model = Narrow()
    shake(model)
    # 36 numbers of a channel are left behind the last stage: with fewer, batch norm in training is ill-conditioned. Of
    # 256 values, which the file packs well.
    images = torch.randint(-128, 128, (4, 3, 69, 77)) / 64
    target = torch.randn(4, 3)
    model.eval()
    outputs = {}
    for stage in range(4):
        getattr(model, f"layer{stage + 1}").register_forward_hook(
            lambda module, x, y, stage=stage: outputs.update(
                {f"out/stage_{stage + 1}": y.detach().permute(0, 2, 3, 1).numpy()}
            )
        )
    model.avgpool.register_forward_hook(
        lambda module, x, y: outputs.update({"out/features": y.detach().flatten(1).numpy()})
    )
    with torch.no_grad():
        outputs["out/logits"] = model(images).numpy()
    kept = dict(outputs)
    model.train()
    arrays = train(model, lambda: torch.square(model(images) - target).mean())
    arrays |= {f"moved/{name}": x.numpy() for name, x in model.named_buffers() if name.endswith(("mean", "var"))}
    config = {"depths": depths, "bottleneck": block == "Bottleneck", "width": width}
    inputs = {"in/images": images.permute(0, 2, 3, 1).numpy(), "in/target": target.numpy()}
    return kept | arrays | inputs | {"config": np.array(json.dumps(config))}


def make_processing(torchvision: Any, transformers: Any) -> dict[str, np.ndarray]:
    """What the libraries make of images of odd sizes and of samples, silent ones among them."""
    from PIL import Image
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    draw = np.random.default_rng(0)
    means = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    steps = torchvision.transforms
    prepare = steps.Compose([steps.Resize(20), steps.CenterCrop(17), steps.ToTensor(), steps.Normalize(*means)])
    clip = CLIPImageProcessorPil(size={"shortest_edge": 17}, crop_size={"height": 17, "width": 17})
    extract = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    arrays: dict[str, np.ndarray] = {}
    for name, size in (("wide", (23, 37)), ("tall", (41, 22)), ("exact", (20, 20)), ("small", (9, 14))):
        image = draw.integers(0, 256, (*size, 3), np.uint8)
        arrays[f"in/{name}"] = image
        arrays[f"torchvision/{name}"] = prepare(Image.fromarray(image)).permute(1, 2, 0).numpy()
        pixels = clip(Image.fromarray(image), return_tensors="np")["pixel_values"][0]
        arrays[f"clip/{name}"] = pixels.transpose(1, 2, 0)
    for name, samples in (("loud", draw.normal(3, 2, 50)), ("silent", np.zeros(20)), ("one", np.ones(1))):
        arrays[f"in/{name}"] = samples.astype(np.float32)
        arrays[f"sound/{name}"] = extract(samples.astype(np.float32), sampling_rate=16000)["input_values"][0]
    return arrays


TEXTS = ("the cat sat on the mat", "don't sit, cats!", "Umlauts: \u00fc and \u4f60\u597d", "x", "unbelievable  spaces")


def make_tokenizers(transformers: Any, folder: Path) -> None:
    """Small tokenizers of BERT's and RoBERTa's kinds, and the pieces of `TEXTS` in transformers."""
    import tokenizers

    corpus = [*TEXTS, "sit sat sitting believe unbelievable matter cats mats"]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    bert = tokenizers.BertWordPieceTokenizer()
    bert.train_from_iterator(corpus, vocab_size=80, special_tokens=special)
    roberta = tokenizers.ByteLevelBPETokenizer()
    roberta.train_from_iterator(corpus, vocab_size=300, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    vocabularies = {"bert": bert, "roberta": roberta}
    cases = {}
    for name, trained in vocabularies.items():
        model = json.loads(trained.to_str())["model"]
        if name == "bert":
            fast = transformers.BertTokenizerFast(vocab=model["vocab"])
        else:
            fast = transformers.RobertaTokenizerFast(vocab=model["vocab"], merges=[tuple(m) for m in model["merges"]])
        fast.backend_tokenizer.save(str(folder / f"{name}_tokenizer.json"), pretty=False)
        cases[name] = [fast(text)["input_ids"] for text in TEXTS]
    (folder / "pieces.json").write_text(json.dumps({"texts": TEXTS, "pieces": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
