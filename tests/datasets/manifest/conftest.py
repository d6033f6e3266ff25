import numpy as np
import pytest
import soundfile

ITEMS, GROUPS, WIDTH, RATE = 12, 6, 3, 8000


def write_arff(path, values, times=False):
    names = [f"f{i}" for i in range(values.shape[1])]
    head = ["@relation x", "@attribute name string", *(["@attribute frametime numeric"] if times else [])]
    rows = [
        ",".join(["a", *([str(t / 25)] if times else []), *map(repr, row)]) for t, row in enumerate(values.tolist())
    ]
    path.write_text("\n".join([*head, *(f"@attribute {n} numeric" for n in names), "@data", *rows, ""]))


def write_csv(path, values, times=False):
    names = [*(["time"] if times else []), *(f"f{i}" for i in range(values.shape[1]))]
    rows = [",".join([*([str(t / 25)] if times else []), *map(repr, row)]) for t, row in enumerate(values.tolist())]
    path.write_text("\n".join([",".join(names), *rows, ""]))


WRITERS = {
    "npy": np.save,
    "npz": lambda path, values: np.savez(path, values=values),
    "csv": lambda path, values: write_csv(path, values, times=True),
    "arff": lambda path, values: write_arff(path, values, times=True),
    "plain": write_csv,
    "vector": lambda path, values: np.save(path, values[0]),
}
"""Column -> how its files are written. `plain` and `vector` are csv and npy too, without times, of one frame."""
SUFFIX = {"plain": "csv", "vector": "npy"}


class Corpus:
    """A folder with a manifest, and what is in its files."""

    def __init__(self, folder):
        self.folder, self.arrays, self.rows = folder, {}, []
        self.path = folder / "corpus.csv"

    def write(self, rows=None, header=None):
        """The csv file, from `rows` of dictionaries."""
        rows = self.rows if rows is None else rows
        header = header or list(rows[0])
        lines = [",".join(header), *(",".join(str(row.get(name, "")) for name in header) for row in rows)]
        self.path.write_text("\n".join(lines) + "\n")
        return self

    def settings(self, **more):
        """`config.corpus` for it."""
        return {"manifest": str(self.path), "data_dir": str(self.folder / "data"), **more}

    def column(self, name, *, frames=4, items=None):
        """Adds a modality of feature files named `<column>/<id>.<suffix>`."""
        place = self.folder / name
        place.mkdir()
        for number, row in enumerate(self.rows):
            if items is not None and number not in items:
                row[name] = ""
                continue
            draw = np.random.default_rng([len(name), number])
            steps = 1 if name in ("plain", "vector") else frames + number % 3
            values = draw.normal(size=(steps, WIDTH)).astype(np.float32)
            path = place / f"{row['id']}.{SUFFIX.get(name, name)}"
            WRITERS[name](path, values)
            row[name] = f"{name}/{path.name}"
            self.arrays[row["id"], name] = values
        return self

    def sound(self, suffix="wav", seconds=0.1):
        """Adds a modality `voice` of recordings."""
        (self.folder / "voice").mkdir()
        for number, row in enumerate(self.rows):
            draw = np.random.default_rng([9, number])
            samples = draw.integers(-9000, 9000, int(seconds * RATE) + number).astype(np.int16)
            row["voice"] = f"voice/{row['id']}.{suffix}"
            soundfile.write(self.folder / row["voice"], samples, RATE, subtype="PCM_16")
            self.arrays[row["id"], "voice"] = samples
        return self


@pytest.fixture
def corpus(tmp_path):
    """Twelve items of six groups with a class each; no modality yet."""
    generated_corpus = Corpus(tmp_path)
    generated_corpus.rows = [
        {"id": f"i{n}", "group": f"g{n % GROUPS}", "label": ("calm", "loud")[n // GROUPS]} for n in range(ITEMS)
    ]
    return generated_corpus
