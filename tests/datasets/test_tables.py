"""Tables of any delimiter, encoding and line end give the same cells; a row that is wrong does not hide the others."""

import csv
import io
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affect_jax.datasets import tables, text_lines
from affect_jax.errors import UserError
from tests.datasets import fuzzing


def read(folder, text, encoding="utf-8", **more):
    path = folder / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return tables.read_table(path, **more)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_the_same_cells_in_every_form(tmp_path, delimiter, end, encoding):
    lines = ["id, name ,x", 'a,"M\u00fcller, J.",1', "", "b, anna,2", ",,"]
    text = end.join(line.replace(",", delimiter) for line in lines) + end
    table = read(tmp_path, text, encoding)
    assert table.header == ("id", "name", "x")
    assert table.rows == [["a", f"M\u00fcller{delimiter} J.", "1"], ["b", "anna", "2"]]
    assert table.numbers == [2, 4]
    assert table.delimiter == delimiter
    assert not table.problems


@pytest.mark.parametrize(
    ("text", "delimiter", "rows"),
    [
        ("id;x;y\na;0,5;1,5\nb;0,25;2\n", ";", [["a", "0,5", "1,5"], ["b", "0,25", "2"]]),
        ("id\tx\na\t0,5\n", "\t", [["a", "0,5"]]),
        ("x\n0,5\n0,7\n", ";", [["0,5"], ["0,7"]]),
        ('id,x\na,"0,5"\n', ",", [["a", "0,5"]]),
        (
            'id,note\na,"one; two; three"\nb,"four; five; six"\n',
            ",",
            [["a", "one; two; three"], ["b", "four; five; six"]],
        ),
        ("id;note\na;one, two\nb;three, four\n", ";", [["a", "one, two"], ["b", "three, four"]]),
        ("sep=;\nid;x\na;1\n", ";", [["a", "1"]]),
        ("sep=,\nid,x\na,1\n", ",", [["a", "1"]]),
        ("id,x,,\na,1,,\nb,2,,\n", ",", [["a", "1"], ["b", "2"]]),
        ("\n\nid,x\na,1\n", ",", [["a", "1"]]),
        ("mood\nsad\n\nhappy\n\n", ",", [["sad"], [""], ["happy"]]),
    ],
)
def test_delimiters(tmp_path, text, delimiter, rows):
    table = read(tmp_path, text)
    assert table.rows == rows
    assert table.delimiter == delimiter or len(table.header) == 1


def test_what_is_wrong_with_a_row_does_not_hide_the_others(tmp_path):
    table = read(tmp_path, 'id,x\na,"1"2\nb,2\nc,3,4\nd\ne,"5\nf,6\n')
    assert [row[0] for row in table.rows] == ["b", "f"]
    assert table.numbers == [3, 7]
    assert [problem.row for problem in table.problems] == [2, 4, 5, 6]
    for problem, words in zip(table.problems, ("correct its quotes", "3 cells", "1 cells", "correct"), strict=True):
        assert words in problem.text


def test_a_quoted_line_break_is_one_row_of_a_spreadsheet(tmp_path):
    table = read(tmp_path, 'id,note\na,"one\ntwo"\nb,three\n')
    assert (table.rows, table.numbers) == ([["a", "one\ntwo"], ["b", "three"]], [2, 3])


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        ('"a" "b c"\n"1" 1 "x y"\n"2"   3 4\n', ["", "a", "b c"], [["1", "1", "x y"], ["2", "3", "4"]]),  # R
        ("a\tb\nr1\t1\t2\nr2\t3\t4\n", ["", "a", "b"], [["r1", "1", "2"], ["r2", "3", "4"]]),
        ('"a","b"\n"1",1,2\n"2",3,4\n', ["", "a", "b"], [["1", "1", "2"], ["2", "3", "4"]]),
        ("a,b\n0,1,2\n1,3,4\n", ["a", "b"], []),  # may be decimal commas
        ("# a b\n 1 2\n-3 4\n", ["a", "b"], [["1", "2"], ["-3", "4"]]),  # numpy.savetxt
        ("# by me\n# twice\na,b\n1,2\n", ["a", "b"], [["1", "2"]]),
        ("a|b\n1|2\n", ["a", "b"], [["1", "2"]]),
        ('"sep=;"\r\na;b\r\n1;2\r\n', ["a", "b"], [["1", "2"]]),
        ("my label\nhappy\nvery sad\n", ["my label"], [["happy"], ["very sad"]]),
    ],
)
def test_tables_of_r_and_numpy(tmp_path, text, header, rows):
    table = read(tmp_path, text)
    assert [name.lstrip("# ") for name in table.header] == header
    assert table.rows == rows
    assert len(table.rows) + len(table.problems) == text.strip().count("\n") - text.count("# by me\n# twice\n") * 2 - (
        "sep=" in text
    )


@pytest.mark.parametrize("row", ["1;2", '"1,2"'])
def test_rows_of_another_delimiter_or_in_quotes(tmp_path, row):
    (problem,) = read(tmp_path, f"a,b\n3,4\n{row}\n").problems
    words = "it has semicolons between its cells, but the header has commas" if ";" in row else "in one pair of quotes"
    assert problem.row == 3
    assert words in problem.text


def test_two_byte_order_marks(tmp_path):
    assert read(tmp_path, "\ufeff\ufeffa,b\n1,2\n".encode()).header == ("a", "b")


def test_row_numbers_count_comments(tmp_path):
    assert read(tmp_path, "# by me\na,b\n1,2\n").numbers == [3]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"My ratings\n\nid,x\na,1\nb,2\n", r"row 1 is 'My ratings', expected .* which seem to be in row 3"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a pointer of Git LFS"),
        (b"\n<!DOCTYPE html>\n<html>", "is a web page"),
        (b"PK\x03\x04", "is a zip archive"),
        (b'File type = "ooTextFile"\n', "is a file of Praat"),
        ("id;x\na;gl\u00fccklich\n".encode("cp1252"), "row 2 has the byte 0xfc, .* it reads 'gl\u00fccklich'"),
        ("id;x\na;\u9ad8\u5174\n".encode("gbk"), r"row 2 has the byte 0xb8, .* save it as csv in UTF-8$"),
        ("id,x\na,\u00e4\n".encode("utf-16-le"), r"but UTF-16 \(little endian\) without its mark"),
        (b"id,x\na,1\n\0\0", "ends in 2 zero bytes"),
        (b"", "has no header in row 1"),
        (b"\n \n,,\n", "has no header in row 1"),
        (b"id,x\na,\xe4\n", "row 2 has the byte 0xe4, so it is not UTF-8 text; save it as csv in UTF-8"),
        ("id,x\na,1\n".encode("utf-16-le"), "has zero bytes, so it is not UTF-8 text"),
        ("id,x\n".encode("utf-16") + b"\x00", "so it is not UTF-16 text"),
        (b'id,"x"y\na,1\n', "row 1 is not csv"),
    ],
)
def test_files_that_are_no_table(tmp_path, data, message):
    with pytest.raises(UserError, match=message):
        read(tmp_path, data)


def test_numbers_become_a_matrix(tmp_path):
    values = np.random.default_rng(0).normal(size=(5, 3))
    text = "\n".join([" a, b,c", *(",".join(map(repr, row)) for row in values.tolist()), "", ""])
    table = read(tmp_path, text, as_numbers=True)
    assert table.matrix is not None
    assert table.header == ("a", "b", "c")
    for column in range(3):
        np.testing.assert_array_equal(table.parse(column).values, values[:, column])
    assert read(tmp_path, "a,b\n1,1_0\n", as_numbers=True).matrix is None
    assert read(tmp_path, "a,b\n1,\u0661\n", as_numbers=True).matrix is None


def test_sizes_are_bounded(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"has 2 MB of text, and 1 MB are allowed; .*config.corpus.largest_file to 10"):
        read(tmp_path, b"a,b\n" + b"1,2\n" * 500_000, largest_file=5)
    monkeypatch.setattr(text_lines, "LONGEST_LINE", 1000)
    with pytest.raises(UserError, match=r"has a line of more than .* MB, which no table has"):
        read(tmp_path, b"a,b\n" + b"1," * 2000)


def test_wide_tables_take_linear_time(tmp_path):
    def measure(width):
        text = ",".join(f"f{i}" for i in range(width)) + "\n" + ",".join(["0.5"] * (width - 1) + [""]) + "\n"
        begin = time.process_time()
        table = read(tmp_path, text)
        assert np.isnan(table.parse(width - 1).values).all()
        return time.process_time() - begin

    measure(50_000)
    # Ten times as wide; quadratic code would take a hundred times as long. The rest is for a busy machine.
    assert measure(50_000) < 30 * max(measure(5_000), 0.01)


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs", "Cc", "Z")), max_size=6)


@settings(
    derandomize=not fuzzing.LONG,
    database=None,
    max_examples=fuzzing.LONG or 200,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.data())
def test_what_is_written_is_what_is_read(tmp_path, data):
    width = data.draw(st.integers(2, 4))
    header = [f"c{i}" for i in range(width)]
    rows = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=3, max_size=6))
    rows = [[f"r{i}", *row[1:]] for i, row in enumerate(rows)]
    delimiter = data.draw(st.sampled_from(",;\t"))
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator=data.draw(st.sampled_from(["\n", "\r\n"]))).writerows(
        [header, *rows]
    )
    table = read(tmp_path, stream.getvalue(), data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))
    assert (table.delimiter, list(table.header), table.rows, table.problems) == (delimiter, header, rows, ())


@settings(
    derandomize=not fuzzing.LONG,
    database=None,
    max_examples=fuzzing.LONG or 200,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.one_of(st.binary(max_size=200), st.text("ab1,;\t\"'\n\r =.?", max_size=200)))
def test_any_bytes_are_a_table_or_an_error(tmp_path, data):
    try:
        table = read(tmp_path, data)
    except UserError as error:
        fuzzing.check_message(str(error), "bit", tmp_path / "a.csv", tmp_path)
    else:
        assert all(len(row) == len(table.header) for row in table.rows)
        assert len(table.numbers) == len(table.rows)
        assert table.numbers == sorted(set(table.numbers))
