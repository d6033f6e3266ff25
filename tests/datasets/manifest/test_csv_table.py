"""The csv file: everything that is wrong with it, by row, at once."""

import pathlib

import pytest

from affect_jax.datasets.manifest import csv_table, problems
from affect_jax.errors import UserError


def read(folder, *lines, modalities=(), data=None):
    path = folder / "c.csv"
    path.write_bytes(data if data is not None else "\n".join(lines).encode())
    result = problems.Problems(path)
    sheet = csv_table.read_table(path, modalities, result)
    result.raise_if_any()
    return sheet


def read_problems(folder, *lines, **more):
    """What is said, without the path that every line begins with."""
    with pytest.raises(UserError) as error:
        read(folder, *lines, **more)
    path = str(folder / "c.csv")
    messages = str(error.value).split("\n")
    assert all(line.startswith(path) for line in messages)
    return [line.removeprefix(path).removeprefix(":").strip() for line in messages]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_columns_and_their_roles(tmp_path, separator):
    lines = ["id,split,group,label:mood,a,b", "x,train,g,1,a/x.npy,", "", "y,test,h,2,,b/y.npy,,", ",,,,,"]
    sheet = read(tmp_path, *(line.replace(",", separator) for line in lines))
    assert (sheet.labels, sheet.modalities, sheet.split_column, sheet.grouped) == (("mood",), ("a", "b"), "split", True)
    assert [(row.number, row.id, row.split, row.group) for row in sheet.rows] == [
        (2, "x", "train", "g"),
        (4, "y", "test", "h"),
    ]
    assert sheet.rows[0].files == {"a": tmp_path / "a" / "x.npy"}
    assert sheet.rows[1].labels == {"mood": "2"}


def test_without_groups_everybody_is_one(tmp_path):
    sheet = read(tmp_path, "id,label,a", "x,1,/abs/x.npy", '"y, z",2,y.npy')
    assert [(row.id, row.group) for row in sheet.rows] == [("x", "x"), ("y, z", "y, z")]
    assert str(sheet.rows[0].files["a"]) == "/abs/x.npy"


@pytest.mark.parametrize(
    ("lines", "messages"),
    [
        (["name,label,a", "x,1,x.npy"], ["row 1: has no column 'id'"]),
        (
            ["id,lable,a", "x,1,x.npy"],
            ["row 1: has no column 'label' or 'label:NAME' (did you mean 'lable'?), so there"],
        ),
        (["id,label", "x,1"], ["row 1: has no modality"]),
        (["id,label,a,a", "x,1,x.npy,y.npy"], ["row 1: has 2 columns called 'a'"]),
        (["id,label,a b", "x,1,x.npy"], ["row 1: has a column called 'a b'; use letters"]),
        (["id,label:,a", "x,1,x.npy"], ["row 1: has a column called 'label:'"]),
        (["id,Split,label,a", "x,train,1,x.npy"], ["row 1: has a column called 'Split'; write 'split'"]),
        (["id,label,label:label,a", "x,1,1,x.npy"], ["row 1: has the columns 'label' and 'label:label'"]),
        (["id,split,fold,label,a", "x,train,1,1,x.npy"], ["row 1: has both a column 'split' and a column 'fold'"]),
        (["ID,a", "x,x.npy"], ["row 1: has a column called 'ID'; write 'id'", "row 1: has no column 'label'"]),
    ],
)
def test_headers(tmp_path, lines, messages):
    result = read_problems(tmp_path, *lines)
    assert len(result) == len(messages)
    for line, beginning in zip(result, messages, strict=True):
        assert line.startswith(beginning)


def test_a_file_without_labels_names_its_columns(tmp_path):
    (told,) = read_problems(tmp_path, "id,emotion,a", "x,1,x.npy")
    assert told.endswith("its columns are id, emotion, a: rename the one with the labels")


def test_items_without_the_modalities_that_are_read_are_left_out_and_told(tmp_path):
    (tmp_path / "mine.csv").write_text("id,label,voice,face\na,x,a.wav,a.npy\nb,y,b.wav,\nc,y,,\n")
    found = problems.Problems(tmp_path / "mine.csv")
    sheet = csv_table.read_table(tmp_path / "mine.csv", ("face",), found)
    assert [row.id for row in sheet.rows] == ["a", "c"]
    assert "left out: 1 of 3 items, which have no face" in sheet.remarks
    assert len(found) == 1  # c has neither


def test_every_row_is_told(tmp_path):
    result = read_problems(
        tmp_path,
        "id,split,group,label,a,b",
        "x,train,g,1,x.npy,",
        "x,train,g,1,y.npy,",
        ",train,h,1,z.npy,",
        "v,trian,h,1,v.npy,",
        "u,train,,1,u.npy,",
        "t,,i,1,t.npy,",
        "s,test,g,1,s.npy,",
        "r,test,j,1,,",
        "q,test,j",
    )
    assert [line.partition(":")[0] for line in result] == [f"row {n}" for n in (1, 3, 4, 5, 5, 6, 7, 8, 9, 10)]
    for words in (
        "column 'b' is empty in every row",
        "has the id 'x' of row 2",
        "has no id",
        "has the split 'trian' (did you mean 'train'?), expected train, validation, test",
        "item 'u' has no group",
        "item 't' has an empty cell in column 'split'",
        "group 'g' is in split 'test' here and in 'train' in row 2",
        "item 'r' has none of the modalities a, b",
        "has 3 cells, expected 6",
    ):
        assert sum(words in line for line in result) == 1, words


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (b"", "has no header in row 1"),
        (b"id,label,a\n", "has a header but no rows"),
        (b'id,label,a\nx,1,"x.npy', "row 2: is not csv (unexpected end of data)"),
        (b"id,label,a\nx,1,\xff.npy", "row 2 has the byte 0xff, so it is not UTF-8 text; save it"),
    ],
)
def test_files_that_are_no_table(tmp_path, data, messages):
    (result,) = read_problems(tmp_path, data=data)
    assert result.startswith(messages)


def test_the_print_is_capped():
    collected = problems.Problems(pathlib.Path("m.csv"))
    for row in range(2, 72):
        collected.add(row, f"has the fault {'x' * row}")
    with pytest.raises(UserError) as info:
        collected.raise_if_any()
    lines = str(info.value).split("\n")
    assert len(lines) == problems.MOST + 1
    assert lines[-1] == "m.csv: 20 more problems; correct these 50 and run again"


def test_many_lines_of_one_cause_are_one(tmp_path):
    result = read_problems(tmp_path, "id,label,a,b", *(f"x,1,{n}.npy," for n in range(5)), *("y,1,n.npy,",) * 3)
    assert result == [
        "row 1: column 'b' is empty in every row; delete it or fill it",
        "row 3: has the id 'x' of row 2; every item needs its own (and 5 more like this, in rows 4, 5, 6, 8, 9)",
    ]


def test_groups_folds_and_splits_have_one_spelling(tmp_path):
    rows = ("a,P1,0,x,x.npy", "b,p1,0,x,y.npy", "c,2,1.0,x,z.npy", "d,2.0,1,x,w.npy")
    assert read_problems(tmp_path, "id,group,fold,label,a", *rows) == [
        "row 3: group 'p1' is elsewhere 'P1'; write it in one way, or name them apart",
        "row 4: fold '1.0' is elsewhere '1'; write it in one way, or name them apart",
        "row 5: group '2.0' is elsewhere '2'; write it in one way, or name them apart",
    ]
    rows = ("a,Dev,x,x.npy", "b,TRAIN,x,y.npy", "c,NaN,x,z.npy")
    assert read_problems(tmp_path, "id,split,label,a", *rows) == [
        "row 2: has the split 'Dev' (did you mean 'validation'?), expected train, validation, test",
        "row 3: has the split 'TRAIN' (did you mean 'train'?), expected train, validation, test",
        "row 4: item 'c' has an empty cell in column 'split'; fill it",
    ]
    sheet = read(tmp_path, "id,group,label,a", "a,NA,x,x.npy", "b,NA,x,y.npy")
    assert sheet.remarks == ("group 'NA' of 2 rows is taken for a name; if it is missing there, name each group",)
