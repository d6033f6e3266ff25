"""Encoders of published sizes with random weights: ours against their authors' libraries, sizes, outputs and time.

    python -m benchmarks.encoder_sizes theirs FOLDER      # in .venv-bench; writes each model as it is published
    python -m benchmarks.encoder_sizes ours FOLDER        # reads them; a line each

Weights are random, so only differences and times mean anything. Times are seconds of the processor, of all threads
together, so they mean something where other programs run, too; of ours without compiling.
"""

import functools
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

_SPEECH_LARGE = dict(
    hidden_size=1024,
    num_hidden_layers=24,
    num_attention_heads=16,
    intermediate_size=4096,
    feat_extract_norm="layer",
    do_stable_layer_norm=True,
    conv_bias=True,
)
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "wav2vec2-base": ("Wav2Vec2Model", "Wav2Vec2Config", {}),
    "wav2vec2-xls-r-300m": ("Wav2Vec2Model", "Wav2Vec2Config", _SPEECH_LARGE),
    "hubert-base": ("HubertModel", "HubertConfig", {}),
    "wavlm-base": ("WavLMModel", "WavLMConfig", {}),
    "bert-base": ("BertModel", "BertConfig", {}),
    "roberta-base": (
        "RobertaModel",
        "RobertaConfig",
        dict(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5),
    ),
    "clip-vit-base-patch32": ("CLIPModel", "CLIPConfig", {}),
    "resnet101": ("", "", {}),
}
SECONDS, CLIPS, TEXTS, PIECES, IMAGES = (1, 2), 2, 8, 32, 2


_COLUMNS = ("model", "parameters, theirs / ours", "worst difference", "greatest output", "theirs, CPU s", "ours, CPU s")
_HEAD = f"| {' | '.join(_COLUMNS)} | compiling, CPU s |\n{'| --- ' * 7}|"


def make_inputs() -> dict[str, np.ndarray]:
    """Clips of 1 and 2 s, texts of 4 to 32 pieces, images of noise."""
    draw = np.random.default_rng(0)
    lengths = np.array([second * 16000 + 123 for second in SECONDS])
    samples = draw.normal(size=(CLIPS, lengths.max())).astype(np.float32)
    pieces = draw.integers(5, 20000, (TEXTS, PIECES)).astype(np.int64)
    images = draw.normal(size=(IMAGES, 224, 224, 3)).astype(np.float32)
    return {
        "samples": samples,
        "lengths": lengths,
        "pieces": pieces,
        "pieces_lengths": np.linspace(4, PIECES, TEXTS).astype(int),
        "images": images,
    }


def run_theirs(folder: Path) -> None:
    """Makes, saves and runs each model by its authors' library."""
    import torch

    from benchmarks.encoder_fixtures import load_torchvision

    torchvision = load_torchvision()
    import transformers

    torch.set_num_threads(1)  # threads that wait for each other spin, which would count
    inputs = {name: torch.from_numpy(value) for name, value in make_inputs().items()}
    for name, (model_name, config_name, sizes) in MODELS.items():
        torch.manual_seed(0)
        (folder / name).mkdir(parents=True, exist_ok=True)
        if model_name:
            model = getattr(transformers, model_name)(getattr(transformers, config_name)(**sizes)).eval()
            model.save_pretrained(folder / name)
        else:
            from safetensors.torch import save_file

            model = torchvision.models.resnet101().eval()
            save_file(model.state_dict(), folder / name / "model.safetensors")
        with torch.no_grad():
            arrays, seconds = _time(lambda model=model, name=name: _apply(model, name, inputs))
        np.savez(folder / name / "outputs.npz", **arrays)
        parameters = sum(p.numel() for p in model.parameters())
        (folder / name / "theirs.json").write_text(json.dumps({"parameters": parameters, "seconds": seconds}))
        print(name, parameters, f"{seconds:.2f} s", flush=True)


def _apply(model: Any, name: str, inputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """Outputs of the padded batch where the library's padding is exact, else of each example alone."""
    if name.startswith(("bert", "roberta")):
        mask = (inputs["pieces"] * 0 + np.arange(PIECES)) < inputs["pieces_lengths"][:, None]
        outputs = model(
            inputs["pieces"].where(mask, 1 if name.startswith("roberta") else 0), attention_mask=mask.long()
        )
        return {str(i): x[: inputs["pieces_lengths"][i]].numpy() for i, x in enumerate(outputs.last_hidden_state)}
    if name.startswith("clip"):
        images = model.vision_model(inputs["images"].permute(0, 3, 1, 2)).last_hidden_state
        return {str(i): image.numpy() for i, image in enumerate(images)}
    if name.startswith("resnet"):
        return {str(i): x.numpy() for i, x in enumerate(model(inputs["images"].permute(0, 3, 1, 2)))}
    return {
        str(i): model(inputs["samples"][i : i + 1, :length]).last_hidden_state[0].numpy()
        for i, length in enumerate(inputs["lengths"])
    }


def run_ours(folder: Path) -> None:
    """Reads each model and prints sizes, the worst difference of its output, and times."""
    import jax
    import jax.numpy as jnp

    from affect_jax.encoders.families import count_parameters
    from affect_jax.encoders.folder import load_encoder

    inputs = make_inputs()
    print(_HEAD)
    for name in MODELS:
        if not (folder / name / "theirs.json").exists():
            continue
        weights = folder / name
        encoder = load_encoder(f"resnet101:{weights / 'model.safetensors'}" if name == "resnet101" else str(weights))
        if encoder.kind == "sound":
            mask = np.arange(inputs["samples"].shape[1])[None] < inputs["lengths"][:, None]
            batch = inputs["samples"], mask
        elif encoder.kind == "words":
            mask = np.arange(PIECES)[None] < inputs["pieces_lengths"][:, None]
            batch = inputs["pieces"].astype(np.int32), mask
        else:
            batch = (inputs["images"],)

        def apply(variables: Any, batch: tuple[Any, ...], model: Any = encoder.model) -> Any:
            outputs = model.apply(variables, *batch)
            return outputs["logits"] if isinstance(outputs, dict) else outputs.last

        inputs_of = jax.tree.map(jnp.asarray, batch)
        began = time.process_time()
        variables = jax.device_put(encoder.variables)
        compiled = jax.jit(apply).lower(variables, batch).compile()
        took = time.process_time() - began
        run = functools.partial(compiled, variables, inputs_of)
        ours, seconds = _time(lambda run=run: np.asarray(run()))
        theirs = json.loads((weights / "theirs.json").read_text())
        with np.load(weights / "outputs.npz") as outputs:
            worst = max(float(np.abs(ours[int(i)][: len(outputs[i])] - outputs[i]).max()) for i in outputs.files)
            greatest = max(float(np.abs(outputs[i]).max()) for i in outputs.files)
        counts = f"{theirs['parameters']:,} / {count_parameters(encoder.variables):,}"
        print(
            f"| {name} | {counts} | {worst:.1e} | {greatest:.1f} | {theirs['seconds']:.2f} | {seconds:.2f} |",
            f"{took:.1f} |",
            flush=True,
        )


def _time(run: Any) -> tuple[Any, float]:
    """What a function returns, and the seconds it takes, after a run that is not counted."""
    run()
    began = time.process_time()
    return run(), time.process_time() - began


if __name__ == "__main__":
    {"theirs": run_theirs, "ours": run_ours}[sys.argv[1]](Path(sys.argv[2]))
