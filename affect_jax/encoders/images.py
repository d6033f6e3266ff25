"""Images as encoders read them: resized, cut to a square, normalised."""

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from affect_jax.encoders.folder import read_config
from affect_jax.encoders.settings import ConfigFile
from affect_jax.errors import UserError, first_line

SETTINGS = "preprocessor_config.json"


@dataclasses.dataclass(frozen=True)
class ImageSettings:
    """How images are prepared.

    Attributes:
      shortest: pixels of the shorter side after resizing.
      crop: pixels of the sides of the square that is cut out of the middle.
      filter: of resizing, PIL's number: 2 bilinear, 3 bicubic.
      mean, deviation: of red, green and blue, in 0 to 1.
      rounds: where the middle lies between two pixels, whether the even number is taken, as torchvision does, or the
        lower one, as transformers does.
    """

    shortest: int
    crop: int
    filter: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    rounds: bool = False


TORCHVISION = ImageSettings(256, 224, 2, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), rounds=True)
"""Torchvision's for ImageNet (weights IMAGENET1K_V1)."""
CLIP = ImageSettings(224, 224, 3, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def read_image_settings(folder: Path) -> ImageSettings:
    """The settings of a folder's preprocessor_config.json; CLIP's where there is none.

    Raises:
      UserError: the file is damaged.
    """
    if not (folder / SETTINGS).is_file():
        return CLIP
    config = read_config(folder, SETTINGS)
    return ImageSettings(
        _read_side(config, "size", "shortest_edge", CLIP.shortest),
        _read_side(config, "crop_size", "height", CLIP.crop),
        config.read("resample", CLIP.filter),
        _read_colours(config, "image_mean", CLIP.mean),
        _read_colours(config, "image_std", CLIP.deviation),
    )


def read_image(path: Path) -> np.ndarray:
    """An image file as uint8 [H, W, 3], turned upright as its metadata says.

    Raises:
      UserError: it is missing, damaged or no image.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} is cut short or no image ({first_line(error)}); copy it again") from None


def prepare_image(image: np.ndarray, settings: ImageSettings) -> np.ndarray:
    """uint8 [H, W, 3] -> float32 [crop, crop, 3].

    Raises:
      UserError: it is no image of red, green and blue.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise UserError(f"an image is {image.dtype} {list(image.shape)}, but uint8 [height, width, 3] is read; mend it")
    height, width = image.shape[:2]
    short, long = sorted((height, width))
    if short != settings.shortest:
        other = int(settings.shortest * long / short)
        size = (settings.shortest, other) if width <= height else (other, settings.shortest)
        image = np.asarray(Image.fromarray(image).resize(size, settings.filter))
    image = _cut_middle(image, settings)
    scaled = image.astype(np.float32) / np.float32(255)
    mean, deviation = (np.array(values, np.float32)[None, None] for values in (settings.mean, settings.deviation))
    return (scaled - mean) / deviation


def _cut_middle(image: np.ndarray, settings: ImageSettings) -> np.ndarray:
    """The middle square; an image that is smaller has black around it."""
    for axis in (0, 1):
        missing = settings.crop - image.shape[axis]
        if missing > 0:
            before = missing // 2
            image = np.pad(image, [(before, missing - before) if at == axis else (0, 0) for at in range(3)])
            continue
        start = round(-missing / 2) if settings.rounds else -missing // 2
        image = image.take(range(start, start + settings.crop), axis)
    return image


def _read_side(config: ConfigFile, key: str, part: str, default: int) -> int:
    """A size, which files have as a number or as an object."""
    if isinstance(config.values.get(key), dict):
        return config.read_part(key).read_size(part, default)
    return config.read_size(key, default)


def _read_colours(config: ConfigFile, key: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
    values = config.values.get(key, default)
    if not isinstance(values, list | tuple) or len(values) != 3 or not all(isinstance(v, int | float) for v in values):
        raise UserError(f"{config.path} has {key} = {values!r}, but three numbers are expected; copy the file again")
    return tuple(float(value) for value in values)
