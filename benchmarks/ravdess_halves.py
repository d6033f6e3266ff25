"""RAVDESS as two corpora: a manifest of its women and one of its men, to train on one and test on the other.

    python -m benchmarks.ravdess_halves RAVDESS_DIR OUT

Writes OUT/women.csv and OUT/men.csv, whose column `mfcc` names the recordings and whose label is the emotion. No
speaker is in both, so a model that is trained on one half has heard nobody of the other (docs/across.md).
"""

import csv
import sys
from pathlib import Path

from affect_jax.datasets.ravdess.actors import is_man
from affect_jax.datasets.ravdess.labels import EMOTIONS
from affect_jax.errors import UserError


def write_halves(release: Path, out: Path) -> dict[str, int]:
    """Writes both manifests and returns half -> clips.

    Raises:
      UserError: no recordings in the release.
    """
    clips = sorted(path for path in release.glob("Actor_*/*") if path.suffix in (".wav", ".flac"))
    if not clips:
        raise UserError(f"{release} has no Actor_01/*.wav; name the folder of RAVDESS")
    out.mkdir(parents=True, exist_ok=True)
    counts = {}
    for half, is_of_men in (("women", False), ("men", True)):
        mine = [path for path in clips if is_man(int(path.stem.split("-")[6])) is is_of_men]
        with (out / f"{half}.csv").open("w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["id", "group", "label:emotion", "mfcc"])
            for path in mine:
                words = path.stem.split("-")
                table.writerow([path.stem, f"actor_{words[6]}", EMOTIONS[int(words[2]) - 1], path.absolute()])
        counts[half] = len(mine)
    return counts


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("give the folder of RAVDESS and a folder for the manifests")
    for name, clips in write_halves(Path(sys.argv[1]), Path(sys.argv[2])).items():
        print(f"{sys.argv[2]}/{name}.csv: {clips} clips")
