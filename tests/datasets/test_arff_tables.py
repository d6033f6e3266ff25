"""arff as WEKA and openSMILE write it: types, quotes, comments, missing values; what is not read is refused by name."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affect_jax.datasets.arff_tables import read_arff_table
from affect_jax.datasets.feature_frames import read_features
from affect_jax.errors import UserError
from tests.datasets import fuzzing

HEADER = """% a comment
@RELATION 'two words'

@Attribute who STRING
@attribute\t'pitch (Hz)'\treal
@attribute mood {'very happy', sad, "a, b"}
@attribute day date "yyyy-MM-dd"
@attribute n Integer
@DATA
"""


def read(folder, text):
    path = folder / "a.arff"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_arff_table(path)


@pytest.mark.parametrize(
    "rows",
    [
        ["anna,1.5,'very happy','2020-01-02',3", "% aside", "", "'it\\'s, bert',?,\"a, b\",?,4"],
        ["anna, 1.5 ,'very happy', 2020-01-02 ,3", "it\\'s,?,sad,?,4"],
        ["anna\t1.5\tsad\t2020-01-02\t3", "bert\t?\tsad\t?\t4"],
    ],
)
def test_types_quotes_and_comments(tmp_path, rows):
    table = read(tmp_path, HEADER + "\n".join(rows) + "\n")
    assert table.header == ("who", "pitch (Hz)", "mood", "day", "n")
    assert table.kinds == ("string", "numeric", "nominal", "date", "numeric")
    assert table.numbers[0] == 10
    assert table.cells(0)[0] == "anna"
    assert table.cells(2)[0] in ("very happy", "sad")
    np.testing.assert_array_equal(table.parse(1).values, [1.5, np.nan])
    frames = read_features(tmp_path / "a.arff")
    assert frames.names == ("pitch (Hz)", "n")
    np.testing.assert_array_equal(frames.values, [[1.5, 3], [np.nan, 4]])
    assert frames.remarks == ("left out as text: who, mood, day",)


def test_the_fast_way_reads_what_the_other_does(tmp_path):
    head = "@relation x\n@attribute name string\n@attribute a numeric\n@attribute b numeric\n@data\n"
    values = np.random.default_rng(0).normal(size=(20, 2)).tolist()
    fast = read(tmp_path, head + "".join(f"'u',{a!r},{b!r}\n" for a, b in values))
    other = read(tmp_path, head + "".join(f"'u, v',{a!r},{b!r}\n" for a, b in values))
    assert fast.matrix is not None
    assert other.matrix is None
    for column in (1, 2):
        np.testing.assert_array_equal(fast.parse(column).values, other.parse(column).values)
    assert fast.cells(0) == ["u"] * 20
    assert other.cells(0) == ["u, v"] * 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@relation x\n@attribute a numeric\n", "has no @data line; it may be cut short"),
        ("@relation x\n@data\n1\n", "has no @attribute line"),
        ("a,b\n1,2\n", "line 1 is 'a,b', expected an arff header"),
        ("@relation x\n@attribute a relational\n@data\n", "line 2 is '@attribute a relational', expected"),
        ("@relation x\n@attribute a\n@data\n", "line 2 is '@attribute a', expected '@attribute NAME numeric'"),
        (f"{HEADER}{{0 anna, 1 2}}\n", r"line 10 is a sparse row \('\{0 anna, 1 2\}'\); save all values"),
        (f"{HEADER}anna,1,sad,?,3\nbert,1,sad\n", "line 11 has 3 cells, expected 5"),
        (f"{HEADER}anna,1,'sad,?,3\n", "line 10 has a quote that is not closed"),
        (f"{HEADER}anna,x,sad,?,3\n", "line 10 column 'pitch .*' is 'x', not a number"),
        (f"{HEADER}anna,1_0,sad,?,3\n", "line 10 column 'pitch .*' is '1_0', not a number"),
        ("@relation x\n@attribute a numeric\n@attribute a real\n@data\n1,2\n", "has 2 columns called 'a'"),
        (f"{HEADER}\xe4".encode("latin-1"), "row 10 has the byte 0xe4, so it is not UTF-8 text"),
    ],
)
def test_refuses(tmp_path, text, message):
    (tmp_path / "a.arff").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=f"a.arff {message}"):
        read_features(tmp_path / "a.arff")


@settings(
    derandomize=not fuzzing.LONG,
    database=None,
    max_examples=fuzzing.LONG or 200,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.one_of(st.text("ab1,;\t\"'\n {}%?@.\\", max_size=80), st.text(max_size=40)), st.integers(0, len(HEADER)))
def test_any_text_is_a_table_or_an_error(tmp_path, text, place):
    """Foreign text in the middle of a file, or behind its header."""
    try:
        table = read(tmp_path, f"{HEADER[:place]}{text}{HEADER[place:]}".encode("utf-8", "replace"))
    except UserError as error:
        fuzzing.check_message(str(error), "bit", tmp_path / "a.arff", tmp_path)
    else:
        assert len(table.kinds) == len(table.header)
        for column in range(len(table.header)):
            assert len(table.cells(column)) == len(table.numbers)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs", "Cc", "Z")), max_size=8)


@settings(
    derandomize=not fuzzing.LONG,
    database=None,
    max_examples=fuzzing.LONG or 100,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.tuples(WORDS, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=5))
def test_what_is_written_is_what_is_read(tmp_path, rows):
    def quote(word):
        return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = [f"{quote(word)},{value!r}" for word, value in rows]
    table = read(tmp_path, "@relation x\n@attribute 'a b' string\n@attribute v real\n@data\n" + "\n".join(lines))
    assert table.cells(0) == [word for word, _ in rows]
    np.testing.assert_array_equal(table.parse(1).values, [value for _, value in rows])
