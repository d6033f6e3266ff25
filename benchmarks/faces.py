"""Which detector finds which faces: portraits at sizes, turns, lights and damages, small faces, pictures without one.

python -m benchmarks.faces
python -m benchmarks.faces --yunet=face_detection_yunet_2023mar.onnx

Pictures come in wheels: matplotlib's portrait, scikit-learn's flower and temple; where scikit-image is installed
(pip install scikit-image), its astronaut, a hundred faces and a hundred other pieces of 25 by 25 pixels from LFW, a cat
and other things. Detectors: dlib's histograms of oriented gradients, which the extractor faces+ uses; scikit-image's
cascade of local binary patterns where it is installed; YuNet by OpenCV (pip install opencv-python-headless), whose file
no wheel has: packages that run it (alchemyface, detekface) fetch it from GitHub. So YuNet itself was never run here,
only a stand-in with its interface (tests/benchmarks/test_faces.py); name its file to try it.
"""

import argparse
import importlib.util
import io
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter
from sklearn.datasets import load_sample_images

from affect_jax.features import faces

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""
Detect = Callable[[np.ndarray], Sequence[Box]]
PORTRAIT, ASTRONAUT = (161, 137, 377, 353), (179, 83, 267, 171)
"""Where the faces are, by the detector itself at full size and looked at."""
SIZE, BORDER = 160, 40
"""Pixels to which the small pieces are enlarged, and of what is around them."""


class Case(NamedTuple):
    """A picture.

    Attributes:
      kind: the row of the table that it is counted in.
      image: uint8 [H, W, 3].
      centre, width: of its face in pixels; None of one without.
    """

    kind: str
    image: np.ndarray
    centre: tuple[float, float] | None = None
    width: float = 0.0


class Count(NamedTuple):
    """What a detector did on the pictures of a kind.

    Attributes:
      found: faces of which a box has its centre within half a width of theirs.
      false: other boxes.
      seconds: of all pictures.
    """

    found: int
    false: int
    seconds: float


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yunet", help="YuNet's file, face_detection_yunet_2023mar.onnx of opencv_zoo.")
    detectors = list_detectors(parser.parse_args().yunet)
    cases = list(list_cases())
    kinds = dict.fromkeys(case.kind for case in cases)
    print(f"| pictures | faces | {' | '.join(f'{name}: found, false, ms' for name in detectors)} |")
    print(f"| --- | --- | {' | '.join('---' for _ in detectors)} |")
    for kind in kinds:
        members = [case for case in cases if case.kind == kind]
        cells = []
        for detect in detectors.values():
            count = count_boxes(detect, members)
            cells.append(f"{count.found}, {count.false}, {1000 * count.seconds / len(members):.0f}")
        here = sum(case.centre is not None for case in members)
        print(f"| {kind} ({len(members)}) | {here} | {' | '.join(cells)} |")


def list_detectors(yunet: str | None) -> dict[str, Detect]:
    """Name -> detector, of those that are installed."""
    detectors: dict[str, Detect] = {"dlib": lambda image: [face.box for face in faces.find_faces(image)]}
    if importlib.util.find_spec("skimage"):
        detectors["LBP cascade"] = make_cascade()
    if yunet:
        detectors["YuNet"] = make_yunet(yunet)
    return detectors


def make_cascade() -> Detect:
    """scikit-image's cascade of local binary patterns, with the settings of its example."""
    from skimage import data, feature

    cascade = feature.Cascade(data.lbp_frontal_face_cascade_filename())

    def detect(image: np.ndarray) -> list[Box]:
        side = min(image.shape[:2])
        least = max(24, side // 12)  # smaller ones take most of the time
        boxes = cascade.detect_multi_scale(
            img=image, scale_factor=1.2, step_ratio=1, min_size=(least, least), max_size=(side, side)
        )
        return [(b["c"], b["r"], b["c"] + b["width"], b["r"] + b["height"]) for b in boxes]

    return detect


def make_yunet(file: str) -> Detect:
    """OpenCV's YuNet at its usual threshold."""
    try:
        import cv2
    except ImportError:
        raise SystemExit("error: YuNet is run by OpenCV: pip install opencv-python-headless") from None
    network = cv2.FaceDetectorYN.create(file, "", (320, 320), 0.9, 0.3, 5000)

    def detect(image: np.ndarray) -> list[Box]:
        network.setInputSize((image.shape[1], image.shape[0]))
        found = network.detect(np.ascontiguousarray(image[..., ::-1]))[1]
        return [] if found is None else [(x, y, x + w, y + h) for x, y, w, h in found[:, :4].tolist()]

    return detect


def count_boxes(detect: Detect, cases: Sequence[Case]) -> Count:
    """What a detector does on pictures; the first is seen once before the clock starts."""
    detect(cases[0].image)
    found = false = 0
    began = time.perf_counter()
    results = [detect(case.image) for case in cases]
    seconds = time.perf_counter() - began
    for case, boxes in zip(cases, results, strict=True):
        hits = [box for box in boxes if case.centre and measure_distance(box, case.centre) < case.width / 2]
        found += bool(hits)
        false += len(boxes) - len(hits)
    return Count(found, false, seconds)


def measure_distance(box: Box, centre: tuple[float, float]) -> float:
    """Pixels from the middle of a box to a point."""
    return float(np.hypot((box[0] + box[2]) / 2 - centre[0], (box[1] + box[3]) / 2 - centre[1]))


def list_cases() -> Iterator[Case]:
    """All pictures."""
    portrait = Image.open(f"{matplotlib.get_data_path()}/sample_data/grace_hopper.jpg").convert("RGB")
    people = [(portrait, PORTRAIT)]
    others = [Image.fromarray(image) for image in load_sample_images().images]
    if importlib.util.find_spec("skimage"):
        from skimage import data

        people.append((Image.fromarray(data.astronaut()), ASTRONAUT))
        others += [Image.fromarray(image) for image in (data.chelsea(), data.coffee(), data.rocket(), data.retina())]
        others += [Image.fromarray(image).convert("RGB") for image in (data.brick(), data.grass(), data.coins())]
        pieces = data.lfw_subset()
        for at, piece in enumerate(pieces):
            large = Image.fromarray((255 * piece).astype(np.uint8)).convert("RGB").resize((SIZE, SIZE))
            image = np.pad(np.asarray(large), ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), "edge")
            middle, is_face = BORDER + SIZE / 2, at < len(pieces) // 2
            kind = f"LFW: {'faces' if is_face else 'other things'} of 25 pixels, enlarged"
            yield Case(kind, image, (middle, middle) if is_face else None, SIZE if is_face else 0.0)
    for image, box in people:
        yield from change_person(image, box)
        covered = image.copy()
        ImageDraw.Draw(covered).rectangle(tuple(map(int, box)), fill=(90, 80, 70))
        yield Case("no face: the same without it, and things", np.asarray(covered))
    for image in others:
        image.thumbnail((640, 640))
        yield Case("no face: the same without it, and things", np.asarray(image))


def change_person(image: Image.Image, box: Box) -> Iterator[Case]:
    """A picture of a person at sizes, turns and lights, and damaged."""
    centre, width = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), float(box[2] - box[0])
    for pixels in (200, 150, 100, 80, 60, 40, 25):
        share = min(pixels / width, 1.0) if pixels < 200 else 1.0
        small = image.resize((round(image.width * share), round(image.height * share)))
        kind = f"face about {pixels} pixels wide" if pixels < 200 else "as they are, 216 and 88 pixels wide"
        yield Case(kind, np.asarray(small), (share * centre[0], share * centre[1]), share * width)
    for angle in (10, 20, 30, 45, 90):
        for turn in (-angle, angle):
            turned = image.rotate(turn, center=centre, fillcolor=(90, 80, 70))
            yield Case(f"turned by {angle} degrees", np.asarray(turned), centre, width)
    for light in (0.3, 0.1, 0.03):
        dark = ImageEnhance.Brightness(image).enhance(light)
        yield Case(f"{light:.0%} of the brightness", np.asarray(dark), centre, width)
    for share in (0.02, 0.05, 0.1):
        blurred = image.filter(ImageFilter.GaussianBlur(share * width))
        yield Case(f"blurred by {share:.0%} of the face's width", np.asarray(blurred), centre, width)
    noise = np.random.default_rng(0).normal(scale=50, size=(image.height, image.width, 3))
    noisy = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
    yield Case("noise of 50 grey levels", noisy, centre, width)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=5)
    yield Case("JPEG at quality 5", np.asarray(Image.open(file)), centre, width)
    for part, top, bottom in (("mouth", 0.6, 1.0), ("eyes", 0.2, 0.45)):
        hidden, height = image.copy(), box[3] - box[1]
        edges = (box[0], box[1] + top * height, box[2], box[1] + bottom * height)
        ImageDraw.Draw(hidden).rectangle(tuple(map(int, edges)), fill=(60, 60, 60))
        yield Case(f"{part} covered", np.asarray(hidden), centre, width)


if __name__ == "__main__":
    main()
