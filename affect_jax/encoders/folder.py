"""Encoders on disk: a folder as the Hugging Face hub lays it out, or a file of torchvision's weights.

A folder has config.json and model.safetensors, or the parts that model.safetensors.index.json lists. Torchvision's file
is a safetensors file, named with the network: `resnet101:FILE`. Nothing that is read can run code.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from affect_jax.encoders import resnet
from affect_jax.encoders.families import Encoder, build_encoder
from affect_jax.encoders.settings import ConfigFile
from affect_jax.encoders.spans import NOTHING, Masks
from affect_jax.errors import UserError, first_line, join_words
from affect_jax.runtime import files
from affect_jax.runtime.safetensors_files import read_safetensors

WEIGHTS = "model.safetensors"
_WANTED = ("*.json", "*.safetensors", "*.txt")


def load_encoder(source: str, *, tower: str = "images", masks: Masks = NOTHING) -> Encoder:
    """Loads an encoder.

    Args:
      source: a folder, a name on the hub such as facebook/wav2vec2-base, or `resnet101:FILE`.
      tower: of CLIP, 'images' or 'words'.
      masks: of encoders of speech, what training leaves out.

    Raises:
      UserError: it is none of these; it is damaged, or of a family or with a setting that is not built here.
    """
    network, _, file = source.partition(":")
    if network in resnet.DEPTHS and file:
        config = ConfigFile({"model_type": network}, source)
        return build_encoder(config, read_safetensors(Path(file)), file)
    folder = find_folder(source)
    weights = str(folder / WEIGHTS)
    return build_encoder(read_config(folder), read_weights(folder), weights, tower=tower, masks=masks)


def find_folder(source: str) -> Path:
    """The folder of a source: itself, or that in which huggingface_hub keeps what it has fetched.

    Raises:
      UserError: there is no such folder, and it cannot be fetched.
    """
    folder = files.expand_home(source)
    if folder.is_dir():
        return folder
    command = f"hf download {shlex.quote(source)} --local-dir DIR"
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source):
        raise UserError(
            f"{source} is not a folder; name one with config.json and {WEIGHTS}, a name on the Hugging Face hub, or "
            f"NETWORK:FILE with one of {join_words(resnet.DEPTHS)}"
        )
    try:
        import huggingface_hub
    except ImportError:
        raise UserError(
            f"{source} is not a folder, and huggingface_hub, which could fetch it, is not installed; fetch it with "
            f"`pip install huggingface_hub; {command}` and name DIR"
        ) from None
    try:
        return Path(huggingface_hub.snapshot_download(source, allow_patterns=list(_WANTED)))
    except Exception as error:  # whatever a network does
        raise UserError(
            f"{source} is not a folder, and the hub did not give it ({first_line(error)}); where there is a network, "
            f"`{command}`, and name DIR"
        ) from None


def read_config(folder: Path, name: str = "config.json") -> ConfigFile:
    """Reads config.json, or another file of settings beside it.

    Raises:
      UserError: it is missing or no JSON object.
    """
    path = folder / name
    if not path.is_file():
        raise UserError(f"{path} is missing; name a folder as the Hugging Face hub lays it out, with {name}")
    values = files.read_json(path)
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no JSON object; copy the file again")
    return ConfigFile(values, str(path))


def read_weights(folder: Path) -> dict[str, np.ndarray]:
    """Reads every array of a folder.

    Raises:
      UserError: the files are missing, pickled or damaged.
    """
    index = folder / f"{WEIGHTS}.index.json"
    if (folder / WEIGHTS).exists() or not index.is_file():
        if not (folder / WEIGHTS).exists():
            _refuse_pickled(folder)
        return read_safetensors(folder / WEIGHTS)
    parts: Any = read_config(folder, index.name).values.get("weight_map")
    if not isinstance(parts, dict) or not all(isinstance(part, str) for part in parts.values()):
        raise UserError(f"{index} has no weight_map from arrays to files; copy the file again")
    arrays: dict[str, np.ndarray] = {}
    for part in sorted(set(parts.values())):
        arrays |= read_safetensors(folder / Path(part).name)
    return arrays


def _refuse_pickled(folder: Path) -> None:
    if any(folder.glob("pytorch_model*.bin")):
        script = "from transformers import AutoModel; "
        script += f"AutoModel.from_pretrained({str(folder)!r}).save_pretrained({str(folder)!r})"
        raise UserError(
            f"{folder} has its weights pickled (.bin), which can run code, so they are not read; where "
            f"transformers is, `python -c {shlex.quote(script)}` converts them"
        )
