"""A small manifest of sentences with planted sentiment, for models that read words.

What is planted: a sentence has one word of praise or of blame among others that say nothing. In every sixth sentence
"not" stands before that word and turns it round, so that words alone tell five of six sentences.
"""

import csv
from pathlib import Path

import numpy as np

from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder

_PRAISE = ("good", "great", "lovely", "brilliant")
_BLAME = ("bad", "dull", "awful", "boring")
_REST = ("the", "film", "was", "really", "a", "story", "and", "scene", "plot", "music")


def synthesize_words(folder: Path, *, speakers: int = 40, items: int = 12, seed: int = 0) -> None:
    """Writes `manifest.csv` with the columns id, group, label:sentiment and words.

    Raises:
      UserError: the folder exists or cannot be written.
    """
    draw = np.random.default_rng(seed)
    with make_whole_folder(Path(folder)) as place, (place / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["id", "group", "label:sentiment", "words"])
        for speaker in range(speakers):
            for item in range(items):
                is_praise, is_turned = bool(draw.integers(2)), item % 6 == 0
                words = list(draw.choice(_REST, draw.integers(2, 7)))
                at = int(draw.integers(len(words) + 1))
                opinion = str(draw.choice(_PRAISE if is_praise else _BLAME))
                words[at:at] = ["not", opinion] if is_turned else [opinion]
                label = "positive" if is_praise != is_turned else "negative"
                table.writerow([f"s{speaker}_{item}", f"s{speaker}", label, " ".join(words)])
        write_marker(place, "manifest", dict(speakers=speakers, items=items, seed=seed), sizes={})
