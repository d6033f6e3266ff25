"""Files as spreadsheets, pandas, R, openSMILE, OpenFace, WEKA, Windows and macOS leave them: read right, or named."""

import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest

from affect_jax.datasets import manifest
from affect_jax.errors import UserError

ITEMS, FRAMES = 12, 15


def write(path, header, rows, sep=",", end="\n", encoding="utf-8"):
    lines = [sep.join(map(str, row)) for row in [header, *rows]]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((end.join(lines) + end).encode(encoding))


def draw(item, width=2):
    return np.round(np.random.default_rng(item).uniform(0.5, 5, size=(FRAMES, width)), 4)


def make_corpus(folder, write_file, suffix="csv"):
    """A manifest of files that `write_file(path, item, values)` writes; gives `config.corpus`."""
    for item in range(ITEMS):
        write_file(folder / "f" / f"i{item}.{suffix}", item, draw(item))
    rows = [[f"i{i}", ("happy", "sad")[i % 2], f"f/i{i}.{suffix}"] for i in range(ITEMS)]
    write(folder / "m.csv", ["id", "label", "x"], rows)
    return {"manifest": str(folder / "m.csv"), "data_dir": str(folder / "data")}


def load(settings):
    result = manifest.load(settings)
    return {r.id: r for split in result.splits.values() for r in split}


def list_notes(settings):
    return [line.removeprefix("note").strip() for line in manifest.list_contents(settings) if line.startswith("note")]


def check_features(settings, notes):
    for name, recording in load(settings).items():
        np.testing.assert_array_equal(recording.features["x"], draw(int(name[1:])).astype(np.float32))
    assert list_notes(settings) == notes


def comma(cells):
    return [str(cell).replace(".", ",") for cell in cells]


def write_smilextract(path, item, values):
    rows = [["'unknown'", f"{0.01 * t:.6f}", *row] for t, row in enumerate(values.tolist())]
    write(path, ["name", "frameTime", "a", "b"], rows, sep=";")


def write_opensmile_python(path, item, values):
    rows = [
        [f"{item}.wav", f"0 days 00:00:00.{t:02d}", f"0 days 00:00:00.{t + 2:02d}", *row]
        for t, row in enumerate(values.tolist())
    ]
    write(path, ["file", "start", "end", "a", "b"], rows)


def write_german(path, item, values, encoding="utf-8"):
    rows = [comma([f"{0.01 * t:.2f}", *row]) for t, row in enumerate(values.tolist())]
    write(path, ["frameTime", "a", "b"], rows, sep=";", encoding=encoding)


def write_excel_text(path, item, values):
    rows = [comma([f"{0.01 * t:.2f}", *row]) for t, row in enumerate(values.tolist())]
    write(path, ["frameTime", "a", "b"], rows, sep="\t", end="\r\n", encoding="utf-16")


def write_openface(path, item, values):
    rows = [[t + 1, " 0", f" {t / 100:.3f}", " 0.98", " 1", *(f" {x}" for x in row)] for t, row in enumerate(values)]
    write(path, ["frame", " face_id", " timestamp", " confidence", " success", " a", " b"], rows, end="\r\n")


def write_pandas(path, item, values, name=""):
    write(path, [name, "a", "b"], [[t, *row] for t, row in enumerate(values.tolist())])


def write_r(path, item, values):
    write(path, ['""', '"a"', '"b"'], [[f'"{t + 1}"', *row] for t, row in enumerate(values.tolist())])


def write_counted(path, item, values):
    write(path, ["a", "Zeile", "b"], [[row[0], t + 1, row[1]] for t, row in enumerate(values.tolist())])


def write_text_beside(path, item, values):
    write(path, ["who", "a", "note", "b", "empty"], [["anna", row[0], "x 1", row[1], ""] for row in values.tolist()])


def write_semicolons(path, item, values):
    write(path, ["a", "b", ""], [[*comma(row), ""] for row in values.tolist()], sep=";")


CLOCK = "100 Hz"
INDEX = "left out as a column without a name (an index)"
FILES = f"({ITEMS} files)"


@pytest.mark.parametrize(
    ("write_file", "notes", "clock"),
    [
        (write_smilextract, [f"semicolons between the cells {FILES}", f"left out as bookkeeping: name {FILES}"], True),
        (write_opensmile_python, [f"left out as bookkeeping: file, start, end {FILES}"], True),
        (write_german, [f"semicolons between the cells {FILES}", f"decimal commas {FILES}"], True),
        (write_excel_text, [f"tabs between the cells {FILES}", f"decimal commas {FILES}"], True),
        (write_openface, [f"left out as bookkeeping: frame, face_id, confidence, success {FILES}"], True),
        (write_pandas, [f"{INDEX} {FILES}"], False),
        (lambda *args: write_pandas(*args, name="Unnamed: 0"), [f"{INDEX}: Unnamed: 0 {FILES}"], False),
        (write_r, [f"{INDEX} {FILES}"], False),
        (write_counted, [f"left out as it counts rows: Zeile {FILES}"], False),
        (
            write_text_beside,
            [f"left out as it is empty in every file: empty {FILES}", f"left out as text: who, note {FILES}"],
            False,
        ),
        (write_semicolons, [f"semicolons between the cells {FILES}", f"decimal commas {FILES}"], False),
    ],
)
def test_features_and_nothing_else(tmp_path, write_file, notes, clock):
    settings = make_corpus(tmp_path, write_file)
    check_features(settings, [f"x: {note}" for note in notes])
    (line,) = [line for line in manifest.list_contents(settings) if line.startswith("x ")]
    assert ("100 Hz" in line) == clock


@pytest.mark.parametrize(
    ("attribute", "cell"),
    [("class numeric", "?"), ("emotion {unknown,'very happy',sad}", "'very happy'"), ("emotion unknown", "?")],
)
def test_arff_of_opensmile(tmp_path, attribute, cell):
    def write_arff(path, item, values):
        path.parent.mkdir(exist_ok=True)
        head = "@relation 'SMILE features'\n\n@attribute name string\n@attribute frameTime numeric\n"
        head += f"@ATTRIBUTE 'a 1' real\n@attribute\tb\tNUMERIC\n@attribute {attribute}\n\n@data\n\n"
        rows = [f"'unknown',{0.01 * t:.2f},{a},{b},{cell}" for t, (a, b) in enumerate(values.tolist())]
        path.write_text(head + "\n".join(["% a comment", *rows, ""]))

    settings = make_corpus(tmp_path, write_arff, "arff")
    check_features(settings, [f"x: left out as bookkeeping: name, {attribute.split()[0]} {FILES}"])


def test_missing_cells_are_missing_values(tmp_path):
    marks = ["", "nan", "-nan(ind)", "?", "NA", "#N/A", "null", "None", "--", "1.#QNAN"]

    def write_gaps(path, item, values):
        rows = [[f"{0.04 * t:.2f}", *row] for t, row in enumerate(values.tolist())]
        rows[3][1:] = [marks[item % len(marks)]] * 2
        write(path, ["time", "a", "b"], rows)

    settings = make_corpus(tmp_path, write_gaps)
    with pytest.raises(UserError, match="row 2: .*i0.csv has 2 missing, NaN or infinite values, the first in frame 3"):
        manifest.load(settings)
    for name, recording in load({**settings, "nonfinite": "mean"}).items():
        values = draw(int(name[1:]))
        expected = np.delete(values, 3, axis=0).mean(axis=0)
        np.testing.assert_allclose(recording.features["x"][3], expected, rtol=1e-6)
        np.testing.assert_array_equal(np.delete(recording.features["x"], 3, axis=0)[0], values[0].astype(np.float32))


def test_frames_without_confidence_may_be_missing(tmp_path):
    def write_unsure(path, item, values):
        rows = [[t / 25, 0.9 if t != 4 else 0.3, int(t != 6), *row] for t, row in enumerate(values.tolist())]
        write(path, ["timestamp", "confidence", "success", "a", "b"], rows)

    settings = make_corpus(tmp_path, write_unsure)
    settings |= {"min_confidence": 0.5, "nonfinite": "zero"}
    features = load(settings)["i0"].features["x"]
    np.testing.assert_array_equal(np.flatnonzero(~features.any(axis=1)), [4, 6])
    assert list_notes(settings) == [f"x: frames without success or with a confidence below 0.5 are missing {FILES}"]
    plain = make_corpus(tmp_path, write_pandas)
    with pytest.raises(UserError, match=r"min_confidence is 0.5, but no file has a column 'confidence' or 'success'"):
        manifest.describe({**plain, "min_confidence": 0.5})


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("1_0", "row 5 column 'a' is '1_0', not a number"),
        ("\u0661", "row 5 column 'a' is '\u0661', not a number"),
        ("oops", "row 5 column 'a' is 'oops', not a number"),
        ("1.234,5", "row 5 column 'a': '1.234,5' has thousands separators"),
    ],
)
def test_one_cell_that_is_no_number_is_named(tmp_path, cells, message):
    def write_wrong(path, item, values):
        rows = values.tolist()
        rows[3][0] = cells if item == 4 else rows[3][0]
        write(path, ["a", "b"], rows, sep="\t")

    with pytest.raises(UserError, match=message) as error:
        manifest.describe(make_corpus(tmp_path, write_wrong))
    assert len(str(error.value).split("\n")) == 1
    assert "i4.csv" in str(error.value)


def write_labels(folder, header, make_rows, sep=";"):
    rows = []
    for i in range(ITEMS):
        np.save(folder / f"i{i}.npy", np.random.default_rng(i).normal(size=(20, 3)))
        write(folder / f"l{i}.csv", header, make_rows(i), sep=sep)
        rows.append([f"i{i}", f"l{i}.csv", f"i{i}.npy"])
    write(folder / "m.csv", ["id", "label", "x"], rows)
    return {"manifest": str(folder / "m.csv"), "data_dir": str(folder / "data"), "layout": "steps"}


def test_labels_per_step_with_semicolons(tmp_path):
    settings = write_labels(
        tmp_path,
        ["time", "emotion"],
        lambda i: [[f"{t},00", ("happy", "sad")[(i + t) % 2]] for t in range(4)],
    )
    assert manifest.describe(settings).labels["label"].classes == ("happy", "sad")
    assert f"label label: semicolons between the cells {FILES}" in list_notes(settings)
    settings = write_labels(
        tmp_path, ["time", "gold"], lambda i: [comma([0.04 * t, draw(i)[t, 0]]) for t in range(FRAMES)]
    )
    for name, recording in load(settings).items():
        np.testing.assert_array_equal(recording.targets["label"], draw(int(name[1:]))[:, 0].astype(np.float32))
    settings = write_labels(tmp_path, ["time", "FM1", "FM2"], lambda i: [[t, 0.5, 0.7] for t in range(4)])
    with pytest.raises(UserError, match=r"l0.csv has 2 columns of labels \(FM1, FM2\), expected one"):
        manifest.describe(settings)


@pytest.mark.parametrize(
    "scale", [["-1,0", "-0,5", "0,0", "0,5"], ["-1", "-0,5", "0", "0,5"], ["0,11", "0,15", "0,19", "0,2"]]
)
def test_ratings_with_decimal_commas(tmp_path, scale):
    rows = []
    for i in range(ITEMS):
        np.save(tmp_path / f"i{i}.npy", np.ones((2, 3)))
        rows.append([f"i{i}", scale[i % 4], f"i{i}.npy"])
    write(tmp_path / "m.csv", ["id", "label", "x"], rows, sep=";")
    settings = {"manifest": str(tmp_path / "m.csv"), "data_dir": str(tmp_path / "data")}
    for name, recording in load(settings).items():
        expected = float(scale[int(name[1:]) % 4].replace(",", "."))
        np.testing.assert_array_equal(recording.targets["label"], np.float32([expected]))
    assert list_notes(settings) == ["m.csv: semicolons between the cells", "label label: decimal commas"]


def write_paths(folder, form):
    rows = [[f"i{i}", ("happy", "sad")[i % 2], form.format(i)] for i in range(ITEMS)]
    write(folder / "m.csv", ["id", "label", "x"], rows)
    return {"manifest": str(folder / "m.csv"), "data_dir": str(folder / "data")}


@pytest.mark.parametrize("written", ["NFC", "NFD"])
@pytest.mark.parametrize("stored", ["NFC", "NFD"])
def test_paths_of_windows_and_of_macos(tmp_path, written, stored):
    place = tmp_path / unicodedata.normalize(stored, "J\u00f6rg") / unicodedata.normalize(stored, "M\u00fcller 1")
    place.mkdir(parents=True)
    for i in range(ITEMS):
        np.save(place / f"\u00e9{i}.npy", draw(i))
    slashes = unicodedata.normalize(written, "J\u00f6rg/M\u00fcller 1/") + "\u00e9{}.npy"
    for form in (slashes, slashes.replace("/", "\\")):
        features = load(write_paths(tmp_path, form))["i3"].features["x"]
        np.testing.assert_array_equal(features, draw(3).astype(np.float32))


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("C:\\Users\\me\\face\\{}.npy", r"is a path on a drive of Windows; beside the csv file there is 'face/0.npy'"),
        ("D:\\{}.npy", "is a path on a drive of Windows; write the path relative to the csv file"),
        ("Face/{}.npy", r"Face/0.npy is missing; did you mean '.*face/0.npy'\? Upper and lower case differ"),
        ("faces/{}.npy", r"faces/0.npy is missing; correct the path"),
        (f"{'x' * 300}{{}}.npy", "cannot be read .File name too long"),
        ("https://x.org/face/{}.npy", r"is an address \(https\), and nothing is downloaded"),
        ("/face/{}.npy", "there is 'face/0.npy' beside the csv file: write that, without / before it"),
        ("f%61ce/{}.npy", "there is 'face/0.npy': write that, without % codes"),
        ("$FACES/{}.npy", "has a variable of the shell in it"),
        ("~/{}.npy", "~ stands for '.*', where it is not either"),
        ("\\\\server\\face\\{}.npy", "a path on a network drive of Windows"),
        ("{folder}/face/{}.npy", "paths are relative to the csv file: write 'face/0.npy'"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path, form, message):
    (tmp_path / "face").mkdir()
    for i in range(ITEMS):
        np.save(tmp_path / "face" / f"{i}.npy", draw(i))
    with pytest.raises(UserError, match=message):
        manifest.describe(write_paths(tmp_path, form.replace("{folder}", tmp_path.name)))


def test_paths_from_another_folder(tmp_path, monkeypatch):
    (tmp_path / "face").mkdir()
    for i in range(ITEMS):
        np.save(tmp_path / "face" / f"{i}.npy", draw(i))
    (tmp_path / "lists").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"'face/0.npy' is there in the current folder, but paths are relative to the"):
        manifest.describe(write_paths(tmp_path / "lists", "face/{}.npy"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "x" in manifest.describe(write_paths(tmp_path / "lists", "~/face/{}.npy")).modalities


def test_a_broken_link_and_left_out_frames(tmp_path):
    for i in range(ITEMS):
        write(tmp_path / f"{i}.csv", ["frame", "a"], [[t + 5 * (t > 3), x] for t, x in enumerate(draw(i)[:, 0])])
    lines = manifest.list_contents(write_paths(tmp_path, "{}.csv"))
    assert any("numbers are left out in column frame, so frames may be missing" in line for line in lines)
    (tmp_path / "0.csv").unlink()
    (tmp_path / "0.csv").symlink_to("nowhere.csv")
    with pytest.raises(UserError, match=r"0.csv is a link to 'nowhere.csv', where nothing is"):
        manifest.describe(write_paths(tmp_path, "{}.csv"))


def test_columns_that_rise_evenly_are_no_features(tmp_path):
    for i in range(ITEMS):
        rows = [[f"{t / 30:.3f}", t * t, f"{x:.3f}"] for t, x in enumerate(draw(i)[:, 0])]
        write(tmp_path / f"{i}.csv", ["at", "square", "a"], rows)
    features = load(write_paths(tmp_path, "{}.csv"))["i3"].features["x"]
    np.testing.assert_allclose(features[:, 1], draw(3)[:, 0], atol=1e-3)
    assert features.shape[1] == 2


def test_arrays_on_their_sides_are_named(tmp_path):
    def write_turned(path, item, values):
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.resize(values, (FRAMES + item, 2)).T)

    with pytest.raises(UserError, match=r"column 'x': all arrays have 2 rows but different numbers of columns"):
        manifest.describe(make_corpus(tmp_path, write_turned, "npy"))


def test_free_text_is_no_label(tmp_path):
    rows = [[f"i{i}", f"they said {i}", "a.npy"] for i in range(3000)]
    np.save(tmp_path / "a.npy", np.ones((2, 3)))
    write(tmp_path / "m.csv", ["id", "label", "x"], rows)
    with pytest.raises(UserError, match="label 'label' has 3,000 classes in 3,000 rows, .*: is this a label") as error:
        manifest.describe({"manifest": str(tmp_path / "m.csv"), "data_dir": str(tmp_path / "data")})
    assert "\n" not in str(error.value)


def test_features_in_the_manifest_itself_are_one_problem(tmp_path):
    rows = [[f"i{i}", ("a", "b")[i % 2], *["0.5"] * 300] for i in range(ITEMS)]
    write(tmp_path / "m.csv", ["id", "label", *(f"f{i}" for i in range(300))], rows)
    with pytest.raises(UserError, match=r"the columns f0, .* \(300\) have '0.5' and the like, expected a") as error:
        manifest.describe({"manifest": str(tmp_path / "m.csv"), "data_dir": str(tmp_path / "data")})
    assert "\n" not in str(error.value)


TRIALS = {"04": (3, 4), "05": (2, 3), "08": (1, 2), "09": (1, 3)}
TRIALS |= {"10": (3, 3), "12": (3, 2), "13": (3, 2), "20": (3, 4)}
"""Number -> how many manifests can be read, and how wide their features are then."""


@pytest.mark.parametrize("number", TRIALS)
def test_the_trials_of_the_issue(number, repo_root, tmp_path):
    places = [folder / "shared" / "trials" for folder in (repo_root.parent, repo_root.parents[1])]
    scripts = next((place for place in places if place.is_dir()), None)
    if scripts is None:
        pytest.skip("the scripts of the trials are not here")
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, scripts / f"{number}_make.py", tmp_path / "t"], check=True, env=environment)
    widths, refused = [], []
    for path in sorted((tmp_path / "t").glob("*.csv")):
        settings = {"manifest": str(path), "data_dir": str(tmp_path / "data"), "nonfinite": "mean"}
        try:
            described = manifest.describe({**settings, "layout": "steps" if number == "05" else "item"})
            widths += [column.width for column in described.modalities.values()]
        except UserError as error:
            refused.append(str(error))
    count, width = TRIALS[number]
    assert widths == [width] * count
    assert all("6 columns of labels" in reason or "on a drive of Windows" in reason for reason in refused)
