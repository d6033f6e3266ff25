import numpy as np
import pytest

from affect_jax.datasets.recola import arff_files
from affect_jax.errors import UserError

HEADER = "@relation x\n\n@attribute name string\n@ATTRIBUTE frametime Numeric\n@attribute 'f 1' REAL\n\n@DATA\n"


def write(path, text):
    path.write_text(text, newline="")
    return path


def test_reads_names_numbers_missing_and_lines(tmp_path):
    table = arff_files.read_arff(
        write(tmp_path / "a.arff", HEADER + "% a comment\n'p_1',0.00,1e-3\r\n\np_1, 0.04 ,?\n")
    )
    assert table.names == ("frametime", "f 1")
    np.testing.assert_array_equal(table.values, [[0, 1e-3], [0.04, np.nan]])
    assert table.strings == {"name": ["p_1", "p_1"]}
    assert table.lines.tolist() == [9, 11]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no @data line; it may be cut short"),
        ("@relation x\n@attribute a numeric\n", "has no @data line"),
        ("@relation x\n@data\n1\n", "has no @attribute line"),
        ("@relation x\n@attribute a {1,2}\n@data\n1\n", "a.arff has the attribute 'a' of type nominal, expected"),
        ("hello\n", r"a.arff line 1 is 'hello', expected an arff header"),
        (HEADER + "p,0,1\np,0.04\n", r"a.arff line 9 has 2 cells, expected 3"),
        (HEADER + "p,0,1\np,0.04,1,2\n", r"a.arff line 9 has 4 cells, expected 3"),
        (HEADER + "p,0,1\np,0.04,1-\n", r"a.arff line 9 column 'f 1' is '1-', not a number"),
        (HEADER + "p,0,1?\n", r"a.arff line 8 column 'f 1' is '1\?', not a number"),
    ],
)
def test_damage_is_named_by_line(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        arff_files.read_arff(write(tmp_path / "a.arff", text))


def test_no_rows(tmp_path):
    assert arff_files.read_arff(write(tmp_path / "a.arff", HEADER)).values.shape == (0, 2)


def test_gold_round_trip(tmp_path):
    times = np.arange(7501) * 0.04
    predictions = np.random.default_rng(0).normal(size=7501) * 0.2
    path = tmp_path / "deep" / "test_1.arff"
    arff_files.write_gold(path, "test_1", times, predictions)
    table = arff_files.read_arff(path)
    assert table.names == ("frameTime", "GoldStandard")
    assert set(table.strings["Instance_name"]) == {"test_1"}
    np.testing.assert_allclose(table.values[:, 0], times, atol=1e-9)
    np.testing.assert_allclose(table.values[:, 1], predictions, atol=5e-7)


def test_gold_form_is_the_shipped_one(tmp_path):
    arff_files.write_gold(
        tmp_path / "dev_1.arff", "dev_1", np.array([0, 0.04, 300.0]), np.array([-0.0229251, 0.5, 0.0])
    )
    assert (tmp_path / "dev_1.arff").read_text().splitlines() == [
        "@relation GOLDSTANDARD",
        "",
        "@attribute Instance_name string",
        "@attribute frameTime numeric",
        "@attribute GoldStandard numeric",
        "",
        "",
        "@data",
        "",
        "dev_1,0,-0.022925",
        "dev_1,0.04,0.500000",
        "dev_1,300,0.000000",
    ]


@pytest.mark.parametrize(
    ("name", "times", "values", "message"),
    [
        ("test_1", [0, 0.04], [1.0], "two vectors of one length"),
        ("test_1", [0, 0.04], [1.0, np.nan], "must be finite"),
        ("test_1", [0.04, 0], [1.0, 1.0], "times that increase"),
        ("a,b", [0, 0.04], [1.0, 1.0], "is not one word"),
    ],
)
def test_gold_refuses_nonsense(tmp_path, name, times, values, message):
    with pytest.raises(ValueError, match=message):
        arff_files.write_gold(tmp_path / "x.arff", name, np.array(times), np.array(values))
    assert not list(tmp_path.iterdir())


def test_gold_in_a_closed_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        arff_files.write_gold(tmp_path / "file" / "x.arff", "test_1", np.array([0.0]), np.array([0.0]))
