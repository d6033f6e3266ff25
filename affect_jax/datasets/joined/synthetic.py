"""Two small manifests of one make, whose speakers differ and whose labels have other names: what a map is for."""

from pathlib import Path

from affect_jax.datasets import manifest
from affect_jax.datasets.whole_folder import make_whole_folder

RENAMED = {"happy": "joyful", "sad": "sorrowful"}
"""Labels of `acted` -> their names in `told`; neutral is called so in both."""


def synthesize(folder: Path, *, speakers: int = 6, items: int = 6, seed: int = 0) -> None:
    """Writes `acted/manifest.csv` and `told/manifest.csv`, see `manifest.synthesize`.

    Args:
      folder: must not exist.
      speakers: of each.
      items: of each speaker.
      seed: of all random numbers.
    """
    with make_whole_folder(Path(folder)) as place:
        for number, name in enumerate(("acted", "told")):
            manifest.synthesize(place / name, speakers=speakers, items=items, seed=2 * seed + number)
        table = place / "told" / "manifest.csv"
        text = table.read_text()
        for old, new in RENAMED.items():
            text = text.replace(f",{old},", f",{new},")
        table.write_text(text)
