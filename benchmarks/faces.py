"""How small, turned and dark a face may be to be found: one portrait, of matplotlib's sample data.

python -m benchmarks.faces
"""

import time

import matplotlib
import numpy as np
from PIL import Image, ImageEnhance

from affect_jax.features import faces

PLACE = (161, 137, 377, 353)
"""Of the face in the picture, by the detector itself at full size and looked at; the picture has 512 by 600 pixels."""


def main() -> None:
    """Prints a table."""
    portrait = Image.open(f"{matplotlib.get_data_path()}/sample_data/grace_hopper.jpg").convert("RGB")
    print("| picture | faces found | confidence | overlap | ms |\n| --- | --- | --- | --- | --- |")
    for share in (1, 0.5, 0.35, 0.25, 0.18, 0.12):
        small = portrait.resize((round(512 * share), round(600 * share)))
        measure(f"{small.width} by {small.height} pixels, face {round(216 * share)} wide", small, share)
    for angle in (15, 30, 45, 90):
        measure(f"turned by {angle} degrees", portrait.rotate(angle), None)
    for light in (0.3, 0.1):
        measure(f"{light:.0%} of its brightness", ImageEnhance.Brightness(portrait).enhance(light), 1)
    measure("empty", Image.new("RGB", (512, 600), (80, 90, 100)), None)


def measure(name: str, picture: Image.Image, share: float | None) -> None:
    """Prints a row; the overlap, where the face's place is known."""
    image = np.asarray(picture)
    faces.find_faces(image)
    began = time.perf_counter()
    found = faces.find_faces(image)
    milliseconds = 1000 * (time.perf_counter() - began)
    overlap = ""
    if found and share:
        place = faces.Face(tuple(edge * share for edge in PLACE), 1.0)
        overlap = f"{faces.measure_overlap(found[0], place):.2f}"
    confidence = f"{found[0].confidence:.2f}" if found else ""
    print(f"| {name} | {len(found)} | {confidence} | {overlap} | {milliseconds:.0f} |")


if __name__ == "__main__":
    main()
