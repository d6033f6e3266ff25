"""People's texts as the numbers that a model of words reads, made as in its training."""

from collections.abc import Sequence
from pathlib import Path

from affect_jax.datasets import word_numbers
from affect_jax.encoders import numbers, tuning
from affect_jax.errors import UserError
from affect_jax.inference.predictor import Predictor

_TABLES = (".csv", ".tsv")


def number_texts(predictor: Predictor, place: Path, files: Sequence[str], folder: Path) -> list[Path]:
    """Files of numbers, and lists of these, for texts and lists of texts; other files stay.

    Args:
      predictor: of words.
      place: folder of the run or export, which keeps the tokenizer.
      files: `.txt` files, or tables with a column that is named as in the training, of words or of `.txt` files.
      folder: for what is written.

    Raises:
      UserError: a text or table cannot be read, or the tokenizer is no longer there.
    """
    words = predictor.trained["words"]
    kept = (place / words["tokenizer"]).parent if words["tokenizer"] else None
    numbering = numbers.load_numbering(tuning.EncoderSettings(**words["encoder"]), kept)
    made = []
    for file in map(Path, files):
        if file.suffix.lower() == ".txt":
            words = word_numbers.read_words(str(file.absolute()), Path())
            if not words:
                raise UserError(f"{file} has no words; leave it out")
            named = folder / f"{file.stem}_{len(made)}"
            named.mkdir()
            made.append(word_numbers.write_numbers(numbering(words), named / f"{file.stem}.npy"))
        elif file.suffix.lower() in _TABLES and file.is_file():
            made.append(word_numbers.number_manifest(file, predictor.modality, numbering, folder).manifest)
        else:
            made.append(file)
    return made
