"""Label columns: classes, numbers, one an item or one a step."""

import numpy as np
import pytest

from affect_jax.datasets import manifest
from affect_jax.datasets.feature_frames import PLAIN
from affect_jax.datasets.manifest import csv_table, labels, problems, step_labels
from affect_jax.errors import UserError


def read(corpus, cells, *, as_classes=False, is_target=True):
    """The column `label` with these cells, or what is wrong with it, a line each."""
    corpus.rows = [{"id": f"i{n}", "label": cell, "a": f"{n}.npy"} for n, cell in enumerate(cells)]
    corpus.write()
    result = problems.Problems(corpus.path)
    sheet = csv_table.read_table(corpus.path, (), result)
    column = labels.read_labels(sheet, "label", is_target=is_target, as_classes=as_classes, problems=result)
    try:
        result.raise_if_any()
    except UserError as error:
        return [line.removeprefix(str(corpus.path)).strip() for line in str(error).split("\n")]
    return column


def test_classes_count_from_0_in_the_order_of_their_names(corpus):
    result = read(corpus, ["sad", "happy", "sad", "calm"])
    assert (result.kind, result.classes, result.per_step) == ("class", ("calm", "happy", "sad"), False)
    assert [result.values[n].tolist() for n in (2, 3, 4, 5)] == [[2], [1], [2], [0]]


def test_numbers_are_numbers_unless_they_are_named_classes(corpus):
    result = read(corpus, ["10", "2", "-0.5"])
    assert (result.kind, result.classes) == ("number", ())
    assert result.values[4].tolist() == [-0.5]
    result = read(corpus, ["10", "2.0", "2"], as_classes=True)
    assert (result.kind, result.classes) == ("class", ("2", "10"))
    assert [result.values[n].tolist() for n in (2, 3, 4)] == [[1], [0], [0]]


def test_labels_per_step_from_every_format(corpus):
    values = np.array([0.5, -1, 2])
    np.save(corpus.folder / "0.npy", values)
    np.savez(corpus.folder / "1.npz", values[:, None])
    (corpus.folder / "2.csv").write_text("time,arousal\n0,0.5\n1,-1\n2,2\n")
    head = "@relation x\n@attribute n string\n@attribute frametime numeric\n@attribute gold numeric\n@data\n"
    (corpus.folder / "3.arff").write_text(f"{head}a,0,0.5\na,1,-1\na,2,2\n")
    result = read(corpus, ["0.npy", "1.npz", "2.csv", "3.arff"])
    assert (result.kind, result.per_step) == ("number", True)
    for row in (2, 3, 4, 5):
        np.testing.assert_array_equal(result.values[row], values)


def test_classes_per_step(corpus):
    (corpus.folder / "0.csv").write_text("mood\nsad\ncalm\n")
    (corpus.folder / "1.csv").write_text("mood\nsad\nsad\nsad\n")
    result = read(corpus, ["0.csv", "1.csv"])
    assert (result.kind, result.classes, result.per_step) == ("class", ("calm", "sad"), True)
    assert result.values[2].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("cells", "messages"),
    [
        (["a", "", "b"], ["row 3: item 'i1' has no label 'label'"]),
        (["a", "b", "7"], ["row 4: label 'label' is '7', a number, but most have classes"]),
        (["1", "2", "x"], ["row 4: label 'label' is 'x', but most other rows have numbers; write a plain number"]),
        (["1", "nan", "2"], ["row 3: item 'i1' has no label 'label' ('nan' stands for a missing value"]),
        (["sad", "?", "calm"], ["row 3: item 'i1' has no label 'label' ('?' stands for a missing value"]),
        (["1", "1e300", "2"], ["row 3: label 'label': '1e300' is not a finite number"]),
        (["1", "1_0", "2"], ["row 3: label 'label' is '1_0', but most other rows have numbers"]),
        (["Sad", "sad", "calm", "sad"], ["row 2: label 'label' is 'Sad', elsewhere 'sad'"]),
        (["sad", "sad"], [": label 'label' is 'sad' in every row"]),
        (["3", "3.0"], [": label 'label' is the same number in every row"]),
        (["a", "b", "c.npy"], ["row 4: label 'label' is 'c.npy', but most other rows have labels"]),
        (["none.npy", "one.npy", "x"], ["row 2: label", "row 3: label", "row 4: label 'label' is 'x', but most"]),
    ],
)
def test_what_cannot_be(corpus, cells, messages):
    result = read(corpus, cells)
    assert len(result) == len(messages), result
    for line, beginning in zip(result, messages, strict=True):
        assert line.startswith(beginning)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.npy", lambda p: np.save(p, np.zeros((2, 2))), r"has the shape \[2, 2\], expected \[steps\]"),
        ("a.npy", lambda p: np.save(p, np.zeros(0)), "has no labels|whole npy"),
        ("a.npy", lambda p: np.save(p, np.array([1, np.inf])), r"has no finite label at step 1 \(from 0\)"),
        ("a.csv", lambda p: p.write_text("x,y\n1,2\n"), r"has 2 columns of labels \(x, y\), expected one"),
        ("a.csv", lambda p: p.write_text("x\nsad\n7\n"), "row 3 is '7', expected the name of a class"),
        ("a.csv", lambda p: p.write_text("x\n"), "has no labels"),
    ],
)
def test_files_of_labels_that_cannot_be(corpus, name, write, message):
    write(corpus.folder / name)
    with pytest.raises(UserError, match=message):
        step_labels.read_step_labels(corpus.folder / name, PLAIN)


def test_a_column_that_is_not_learned_may_have_gaps(corpus):
    corpus.column("vector")
    for number, row in enumerate(corpus.rows):
        row["label:age"] = "" if number % 2 else str(number)
    corpus.write()
    assert manifest.describe(corpus.settings()).labels["age"].kind == "number"
    with pytest.raises(UserError, match="row 3: item 'i1' has no label 'age'"):
        manifest.describe(corpus.settings(target="age"))


def test_labels_per_step_that_do_not_fit(corpus):
    corpus.column("npy", frames=20)
    for number, row in enumerate(corpus.rows):
        for name, steps in (("label:a", 10), ("label:b", 10 if number != 4 else 9)):
            row[name] = f"{name[-1]}{row['id']}.npy"
            np.save(corpus.folder / row[name], np.arange(steps if number != 7 else 3) / 9)
    del corpus.rows[0]["label"]
    corpus.rows = [{k: v for k, v in row.items() if k != "label"} for row in corpus.rows]
    corpus.write()
    with pytest.raises(UserError) as error:
        manifest.describe(corpus.settings(layout="steps"))
    messages = str(error.value).split("\n")
    assert len(messages) == 2
    assert "row 6: item 'i4' has different numbers of labels (a 10, b 9)" in messages[0]
    assert "row 9: 3 labels 'a' do not fit 21 frames of 'npy': the other items have about 2.1 frames" in messages[1]
