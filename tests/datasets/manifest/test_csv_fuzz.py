"""The csv file under damage: refused by a UserError, or loaded as what the damaged table says, read by another way.

`AFFECT_JAX_FUZZ=1000 pytest tests/datasets/manifest` draws 1000 damages, other ones each time.
"""

import csv
import io
import itertools
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from affect_jax.datasets import manifest
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.errors import UserError
from tests.datasets import fuzzing

LONG = int(os.environ.get("AFFECT_JAX_FUZZ", 0))


@pytest.fixture(scope="module", params=["", "fold", "split"])
def generated_corpus(request, tmp_path_factory):
    """The folder of a small manifest with this kind of parts."""
    folder = tmp_path_factory.mktemp("fuzz") / "corpus"
    manifest.synthesize(folder, speakers=5, items=3)
    path = folder / "manifest.csv"
    header, *rows = path.read_text().splitlines()
    names = {"fold": "abcde", "split": ["train", "train", "train", "validation", "test"]}.get(request.param, "")
    if names:
        rows = [f"{names[number // 3]},{row}" for number, row in enumerate(rows)]
        path.write_text("\n".join([f"{request.param},{header}", *rows, ""]))
    with pytest.MonkeyPatch.context() as patch:
        fuzzing.patch_builds(patch)
        yield folder


def read_as_written(text, folder):
    """id -> (group, text of the first label, {modality: path}), as plain as possible."""
    header, *rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]
    target = next(name for name in header if name.startswith("label"))
    modalities = [name for name in header if name not in ("id", "group", "fold", "split") and name[:5] != "label"]
    result = {}
    for row in (dict(zip(header, row, strict=False)) for row in rows if any(row)):
        files = {name: folder / row[name] for name in modalities if name and not is_missing(row[name])}
        result[row["id"]] = (row.get("group", row["id"]), row[target], files, row.get("fold", row.get("split")))
    return target.removeprefix("label:"), result


def read_plainly(path):
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix == ".csv":
        return np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2).astype(np.float32)
    import soundfile

    return soundfile.read(path, dtype="int16")[0]


def check(result, text, folder):
    target, rows = read_as_written(text, folder)
    everyone = {r.id: r for part in result.splits.values() for r in part}
    assert everyone.keys() == rows.keys()
    assert result.form == target
    for name, (group, label, files, part) in rows.items():
        recording = everyone[name]
        assert recording.group == group
        (value,) = recording.targets[target]
        assert (result.labels[int(value)] == label) if result.labels else (value == np.float32(label))
        assert recording.features.keys() == files.keys()
        for modality, path in files.items():
            np.testing.assert_array_equal(recording.features[modality], read_plainly(path))
        if "test" in result.splits:
            assert recording in result.splits[part]
        elif part is not None:
            assert name in result.folds[part].test
    sides = [[everyone.keys() - {*f.validation, *f.test}, f.validation, f.test] for f in result.folds.values()]
    sides.append([[r.id for r in part] for part in result.splits.values()])
    for side in sides:
        groups = [{everyone[name].group for name in names} for names in side]
        assert not any(one & other for one, other in itertools.combinations(groups, 2))


def test_a_damaged_table_is_refused_or_taken_at_its_word(generated_corpus):
    path = generated_corpus / "manifest.csv"
    given_settings = {
        "manifest": str(path),
        "data_dir": str(generated_corpus.parent / "data"),
        "sound": "waveform",
        "rate": 16000,
    }
    check(manifest.load(given_settings), path.read_text(), generated_corpus)

    @settings(
        derandomize=not LONG,
        database=None,
        max_examples=LONG or 30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def read_damaged(data):
        damage = data.draw(fuzzing.damage(path))
        note(damage.kind)
        undo = fuzzing.apply_damage(damage, path)
        try:
            result = manifest.load(given_settings)
        except UserError as error:
            for line in str(error).split("\n"):
                fuzzing.check_message(line, damage.kind, path, generated_corpus)
        else:
            data_read = path.read_bytes()
            encoding = "utf-16" if data_read.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
            check(result, data_read.decode(encoding), generated_corpus)
        finally:
            undo()

    read_damaged()
