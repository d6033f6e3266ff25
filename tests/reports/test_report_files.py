import pytest

from affect_jax.errors import UserError
from affect_jax.reports import render, report_files


def numbers(names):
    return [table.number for table in report_files.choose_tables(names)]


FUSION = ("modalities", "trimodal", "ablations", "pairs", "moddrop")


def test_tables_by_number_and_group():
    assert numbers(["fusion"]) == ["4.1", "4.2", "4.3", "4.5"]
    assert numbers(["5.6", "mosi"]) == ["5.6", "5.4"]
    assert numbers(["recola"]) == ["5.1", "5.2", "5.3", "5.5", "5.7"]
    with pytest.raises(UserError, match=r"no table 'mosy' \(did you mean 'mosi'\?\)"):
        report_files.choose_tables(["mosy"])
    with pytest.raises(UserError, match="no table was named"):
        report_files.choose_tables([])


def test_only_what_is_missing_is_trained(make_run, tmp_path):
    make_run("configs/seqsew.py:mosi,video+text", [("teachers", "SeqSEW")])
    trained = []

    def train(config_arg):
        trained.append(config_arg)
        if "unimodal" in config_arg:
            make_run(config_arg, [("text/bigru", "BiGRU+Classifier")])

    runs = report_files.gather_runs(report_files.choose_tables(["mosi"]), tmp_path / "runs", train)
    zoo = [
        f"configs/zoo.py:colearning,cmu_mosi_{m},{n}" for n in ("seq2seq2sentiment", "hmtl") for m in ("video", "audio")
    ]
    needed = ["configs/seqsew_unimodal.py:mosi", "configs/unimodal_mosi.py", *zoo, "configs/seqsew.py:mosi,audio+text"]
    assert trained == needed
    assert runs["configs/seqsew_unimodal.py:mosi"] is not None
    assert runs["configs/seqsew.py:mosi,audio+text"] is None


def test_files(mosi_runs, tmp_path):
    mosi_runs(True)
    wanted = report_files.choose_tables(["mosi"])
    files = report_files.render_tables(
        wanted, report_files.gather_runs(wanted, tmp_path / "runs"), "python -m launch.report --tables=mosi"
    )
    paths = render.write_files(files, tmp_path / "a" / "report")
    assert sorted(path.name for path in paths) == sorted(
        f"{stem}.{extension}" for stem in ("table_5_4", "table_5_6", "cotraining") for extension in ("md", "csv", "tex")
    )
    for path in paths:
        assert "python -m launch.report --tables=mosi" in path.read_text(encoding="utf-8").splitlines()[-1]


def test_files_of_chapter_4(fusion_runs, tmp_path):
    fusion_runs(True)
    wanted = report_files.choose_tables(["fusion"])
    files = report_files.render_tables(wanted, report_files.gather_runs(wanted, tmp_path / "runs"), "python -m x")
    tables = [f"table_4_{n}" for n in (1, 2, 3, 5)]
    assert list(files) == [*tables, "significance", "confusion_intra_cross"]
    assert set(files["confusion_intra_cross"]) == {"md", "csv", "tex", "png"}
    assert (
        "fold fold_3"
        in report_files.render_tables(wanted, report_files.gather_runs(wanted, tmp_path / "runs"), "", "fold_3")[
            "confusion_intra_cross_fold_3"
        ]["csv"]
    )


def test_nothing_is_drawn_of_what_is_not_there(make_fusion_run, tmp_path):
    wanted = report_files.choose_tables(["fusion"])
    assert report_files.has_confusions(wanted)
    assert not report_files.has_confusions(report_files.choose_tables(["4.3", "mosi"]))
    assert "confusion_intra_cross" not in report_files.render_tables(wanted, {}, "")
    make_fusion_run("configs/fusion.py:trimodal,iemocap", {"intra": 0.3, "cross": 0.3}, predictions=False)
    assert "confusion_intra_cross" not in report_files.render_tables(
        wanted, report_files.gather_runs(wanted, tmp_path / "runs"), ""
    )
    assert list(report_files.render_tables(report_files.choose_tables(["4.3"]), {}, "")) == ["table_4_3"], (
        "4.3 has no question of two runs"
    )


def test_small_synthetic_runs_stand_in(make_fusion_run, tmp_path):
    wanted = report_files.choose_tables(["fusion"])
    trained = []
    assert set(report_files.gather_runs(wanted, tmp_path / "runs", trained.append).values()) == {None}
    assert trained == [f"configs/fusion.py:{name}" for name in FUSION]
    small = make_fusion_run("configs/fusion.py:trimodal", {"intra": 0.3}, synthetic=True)
    every = make_fusion_run("configs/fusion.py:all", {"T2V": 0.3}, synthetic=True)
    runs = report_files.gather_runs(wanted, tmp_path / "runs")
    assert runs["configs/fusion.py:trimodal,iemocap"].path == small
    assert runs["configs/fusion.py:pairs,iemocap"].path == every
    # On a release nothing stands in, and what is trained has its sizes.
    trained.clear()
    assert set(report_files.gather_runs(wanted, tmp_path / "runs", trained.append, synthetic=False).values()) == {None}
    assert trained == [f"configs/fusion.py:{name},iemocap" for name in FUSION]
    real = make_fusion_run("configs/fusion.py:all,iemocap", {"intra": 0.3})
    assert {run.path for run in report_files.gather_runs(wanted, tmp_path / "runs").values()} == {real}


def test_a_stand_in_on_a_real_corpus_is_refused(make_fusion_run, tmp_path):
    make_fusion_run("configs/fusion.py:trimodal", {"intra": 0.3})
    with pytest.raises(UserError, match="is of a real corpus at the sizes of the synthetic one; move it away"):
        report_files.gather_runs(report_files.choose_tables(["4.5"]), tmp_path / "runs")


def test_no_pair_no_cotraining():
    assert list(report_files.render_tables(report_files.choose_tables(["5.4"]), {}, "")) == ["table_5_4"]
    assert list(report_files.render_tables(report_files.choose_tables(["5.3"]), {}, "")) == ["table_5_3"], (
        "none was run"
    )


def test_out_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--out=.* cannot be made"):
        render.write_files({}, tmp_path / "file")


def test_comparison(mosi_runs):
    files = report_files.render_runs(mosi_runs(False), "python -m x")
    assert list(files) == ["comparison", "confusion", "index"]
    assert "seqsew\\_unimodal\\_mosi" in files["comparison"]["md"]


def test_what_is_asked_of_run_folders(make_fusion_run):
    folder = make_fusion_run("configs/fusion.py:trimodal,ravdess", {"intra": 0.3, "cross": 0.3})
    other = make_fusion_run("configs/fusion.py:moddrop,ravdess", {"intra+moddrop": 0.3})
    asked = report_files.Asked(compare=["intra vs cross", "intra+moddrop vs intra"], confusion=["cross"])
    files = report_files.render_runs([folder, other], "python -m x", asked)
    assert list(files) == ["comparison", "significance", "confusion_cross", "confusion", "trust", "index"]
    assert len(files["significance"]["csv"].splitlines()) > 5
    page = files.pop("index")["html"].decode()
    assert "python -m x" in page
    assert "Asked comparisons" in page
    for texts in files.values():
        assert "python -m x" in texts["md"]


def test_unknown_figures_are_not_expected(make_fusion_run):
    folder = make_fusion_run("configs/fusion.py:trimodal,ravdess", {"intra": 0.3})
    with pytest.raises(UserError, match=r"--expect=theses: .*\(did you mean 'thesis'\?\); choose thesis"):
        report_files.render_runs([folder], "", report_files.Asked(expect="theses"))
