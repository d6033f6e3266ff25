import pytest

from affect_jax.errors import UserError
from affect_jax.reports import build


def numbers(names):
    return [table.number for table in build.chosen(names)]


def test_tables_by_number_and_group():
    assert numbers(["5.6", "mosi"]) == ["5.6", "5.4"]
    assert numbers(["recola"]) == ["5.1", "5.2", "5.3", "5.5", "5.7"]
    with pytest.raises(UserError, match=r"no table 'mosy' \(did you mean 'mosi'\?\)"):
        build.chosen(["mosy"])
    with pytest.raises(UserError, match="no table was named"):
        build.chosen([])


def test_only_what_is_missing_is_trained(make_run, tmp_path):
    make_run("configs/seqsew.py:mosi,video+text", [("pair", "SeqSEW")])
    trained = []

    def train(config_arg):
        trained.append(config_arg)
        if "unimodal" in config_arg:
            make_run(config_arg, [("text/bigru", "BiGRU+Classifier")])

    found = build.gather(build.chosen(["mosi"]), tmp_path / "runs", train)
    assert trained == ["configs/seqsew_unimodal.py:mosi", "configs/seqsew.py:mosi,audio+text"]
    assert found["configs/seqsew_unimodal.py:mosi"] is not None
    assert found["configs/seqsew.py:mosi,audio+text"] is None


def test_files(mosi_runs, tmp_path):
    mosi_runs(True)
    wanted = build.chosen(["mosi"])
    files = build.render(wanted, build.gather(wanted, tmp_path / "runs"), "python -m launch.report --tables=mosi")
    paths = build.write(files, tmp_path / "a" / "report")
    assert sorted(path.name for path in paths) == sorted(
        f"{stem}.{extension}" for stem in ("table_5_4", "table_5_6", "cotraining") for extension in ("md", "csv", "tex")
    )
    for path in paths:
        assert "python -m launch.report --tables=mosi" in path.read_text(encoding="utf-8").splitlines()[-1]


def test_no_pair_no_cotraining():
    assert list(build.render(build.chosen(["5.4"]), {}, "")) == ["table_5_4"]


def test_out_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--out=.* cannot be made"):
        build.write({}, tmp_path / "file")


def test_comparison(mosi_runs):
    files = build.compare(mosi_runs(False), "python -m x")
    assert list(files) == ["comparison"]
    assert "seqsew\\_unimodal\\_mosi" in files["comparison"]["md"]
