"""What results/ holds is what today's code makes of the archived runs."""

import pytest

from benchmarks import reports

FILES = {"results.json": "{}", "config.json": "{}", "predictions.npz": "x" * 1000, "metrics.jsonl": "{}\n"}
FILES |= {"missing/missing.json": "{}"}


def test_an_archive_holds_what_reports_read_and_nothing_else(tmp_path):
    run = tmp_path / "a_run"
    (run / "missing").mkdir(parents=True)
    for name, text in {**FILES, "events.out": "large", "missing/knn_intra.png": "large"}.items():
        (run / name).write_text(text)
    path = reports.pack(run, tmp_path / "archives")
    first = path.read_bytes()
    (run / "results.json").touch()
    assert reports.pack(run, tmp_path / "archives").read_bytes() == first, "the same run gives the same bytes"
    reports.unpack("a_run", tmp_path / "archives", tmp_path / "again")
    again = tmp_path / "again" / "a_run"
    assert {str(p.relative_to(again)): p.read_text() for p in again.rglob("*") if p.is_file()} == FILES


def test_differences_are_named(tmp_path):
    made, kept = tmp_path / "made", tmp_path / "kept"
    for folder, texts in ((made, {"a.md": "1", "b.md": "2"}), (kept, {"a.md": "other", "c.md": "3"})):
        folder.mkdir()
        for name, text in texts.items():
            (folder / name).write_text(text)
    lines = [line.rpartition("/")[2] for line in reports.list_differences(made, kept)]
    assert lines == ["b.md: is missing", "c.md: no command makes it", "a.md: today's code makes another one"]


@pytest.mark.parametrize(
    ("made", "kept", "agree"),
    [
        ("a,0.052021,3\n", "a,0.052022,3\n", True),
        ("a,0.052020,3\n", "a,0.052022,3\n", False),
        ("a,0.052021,3\n", "a,0.052021,4\n", False),
        ("a,0.052021,3\n", "b,0.052021,3\n", False),
        ("| 48.4 ± 4.3 |", "| 48.4 ± 4.4 |", True),
    ],
)
def test_a_number_may_differ_by_a_unit_of_its_last_digit(tmp_path, made, kept, agree):
    for folder, text in (("made", made), ("kept", kept)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.md").write_text(text)
    assert agree is not bool(list(reports.list_differences(tmp_path / "made", tmp_path / "kept")))


def test_a_report_may_call_an_archive_by_another_name(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "results.json").write_text("{}")
    monkeypatch.setattr(reports, "RESULTS", tmp_path / "results")
    (tmp_path / "results").mkdir()
    reports.pack(tmp_path / "mine", tmp_path / "results" / "runs")
    reports.make(reports.Report("x", ("mine", "seqsew_mosi=mine"), ()), tmp_path)
    assert {path.parent.name for path in (tmp_path / "runs").glob("*/results.json")} == {"mine", "seqsew_mosi"}


@pytest.fixture(scope="module")
def report_folder(tmp_path_factory):
    """Where all reports are made, as several have the same runs."""
    return tmp_path_factory.mktemp("reports")


@pytest.mark.slow
@pytest.mark.parametrize("report", reports.list_reports(), ids=lambda report: report.folder)
def test_committed_reports_are_made_by_todays_code(report_folder, report):
    made, kept = reports.make(report, report_folder), reports.RESULTS / report.folder
    assert not list(reports.list_differences(made, kept)), "run `make results` and look at what changed"


def test_every_archive_is_in_a_report_and_every_folder_is_one():
    made = reports.list_reports()
    used = {reports.name_archive(run)[1] for report in made for run in report.runs}
    assert {path.name.removesuffix(".tar.xz") for path in (reports.RESULTS / "runs").glob("*.tar.xz")} == used
    folders = {reports.RESULTS / report.folder for report in made} | {reports.RESULTS / "runs", reports.RESULTS}
    files = [path for path in reports.RESULTS.rglob("*") if path.is_file() and path.name != "README.md"]
    assert not [path for path in files if path.parent not in folders], "no command makes these"
