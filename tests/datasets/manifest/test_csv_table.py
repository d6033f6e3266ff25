"""The csv file: everything that is wrong with it, by row, at once."""

import pytest

from affect_jax.datasets.manifest import csv_table, problems
from affect_jax.errors import UserError


def read(folder, *lines, modalities=(), data=None):
    path = folder / "c.csv"
    path.write_bytes(data if data is not None else "\n".join(lines).encode())
    found = problems.Problems(path)
    sheet = csv_table.read_table(path, modalities, found)
    found.raise_if_any()
    return sheet


def refused(folder, *lines, **more):
    """What is said, without the path that every line begins with."""
    with pytest.raises(UserError) as error:
        read(folder, *lines, **more)
    path = str(folder / "c.csv")
    said = str(error.value).split("\n")
    assert all(line.startswith(path) for line in said)
    return [line.removeprefix(path).removeprefix(":").strip() for line in said]


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
    ("lines", "said"),
    [
        (["name,label,a", "x,1,x.npy"], ["row 1: has no column 'id'"]),
        (["id,lable,a", "x,1,x.npy"], ["row 1: has no column 'label' or 'label:NAME' (did you mean 'lable'?)"]),
        (["id,label", "x,1"], ["row 1: has no modality"]),
        (["id,label,a,a", "x,1,x.npy,y.npy"], ["row 1: has 2 columns called 'a'"]),
        (["id,label,a b", "x,1,x.npy"], ["row 1: has a column called 'a b'; use letters"]),
        (["id,label:,a", "x,1,x.npy"], ["row 1: has a column called 'label:'"]),
        (["id,Split,label,a", "x,train,1,x.npy"], ["row 1: has a column called 'Split'; write 'split'"]),
        (["id,label,label:label,a", "x,1,1,x.npy"], ["row 1: has the columns 'label' and 'label:label'"]),
        (["id,split,fold,label,a", "x,train,1,1,x.npy"], ["row 1: has both a column 'split' and a column 'fold'"]),
        (
            ["ID,a", "x,x.npy"],
            ["row 1: has a column called 'ID'", "row 1: has no column 'id'", "row 1: has no column '"],
        ),
    ],
)
def test_headers(tmp_path, lines, said):
    found = refused(tmp_path, *lines)
    assert len(found) == len(said)
    for line, beginning in zip(found, said, strict=True):
        assert line.startswith(beginning)


def test_every_row_is_told(tmp_path):
    found = refused(
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
        "p,test,k,1,x.npy,",
    )
    assert [line.partition(":")[0] for line in found] == [f"row {n}" for n in (1, 3, 4, 5, 5, 6, 7, 8, 9, 10, 11)]
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
        "is also the file of row 2, which has another group",
    ):
        assert sum(words in line for line in found) == 1, words


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "has no header in row 1"),
        (b"id,label,a\n", "has a header but no rows"),
        (b'id,label,a\nx,1,"x.npy', "is not a csv file"),
        ("id,label,a\nx,1,x.npy".encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_files_that_are_no_table(tmp_path, data, said):
    (found,) = refused(tmp_path, data=data)
    assert found.startswith(said)


def test_the_print_is_capped(tmp_path):
    found = refused(tmp_path, "id,label,a", *(f"x{n},1," for n in range(70)))
    assert len(found) == problems.MOST + 1
    assert found[-1] == "21 more problems; correct these 50 and run again"
