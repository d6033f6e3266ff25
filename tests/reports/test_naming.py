from affect_jax.reports import folders, naming
from affect_jax.reports.sources import Source

PAIR = "configs/seqsew.py:mosi,video+text"


def test_names_are_short_and_never_the_same(make_run, make_fusion_run):
    encoders = [("video/bigru", "BiGRU"), ("text/bigru", "BiGRU"), ("video/te", "TE")]
    run = folders.read_run(make_run("configs/seqsew_unimodal.py:mosi", encoders))
    assert list(naming.names([run]).values()) == ["video/bigru", "text/bigru", "TE"]
    other = folders.read_run(make_run(PAIR, [("pair", "TE")], synthetic=True))
    names = naming.names([run, other])
    assert list(names.values())[2:] == ["seqsew_unimodal_mosi: TE", "seqsew_mosi_video_text (synthetic): TE"]
    assert naming.names([other])[Source(str(other.path), "pair", "TE")] == "TE (synthetic)"


def test_two_folders_of_one_name_are_told_apart(make_traces):
    first = folders.read_run(make_traces({"SEW": 0.1}, name="a/run"))
    second = folders.read_run(make_traces({"SEW": 0.1}, name="b/run", synthetic=True))
    assert list(naming.labels([first, second]).values()) == [str(first.path), f"{second.path} (synthetic)"]
    assert list(naming.labels([first]).values()) == ["run"]
    assert len(set(naming.names([first, second]).values())) == 2


def test_the_test_part_comes_first(make_fusion_run):
    run = folders.read_run(make_fusion_run("configs/fusion.py:trimodal", {"intra": 0.3, "cross": 0.1}))
    assert naming.splits(run) == ["test", "validation"]
    assert [source.study for source in naming.cells(run)] == ["intra", "cross"]
