import struct

import pytest

from affect_jax.errors import UserError
from affect_jax.experiment.results_file import write_results
from tests import browser, screenshots
from tests.run_results import make_results, make_trial


def test_without_chromium_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(browser, "BINARY", "/nowhere/chromium")
    with pytest.raises(
        UserError, match=r"/nowhere/chromium takes the pictures and is not there; on Debian: apt install"
    ):
        screenshots.take_picture(tmp_path / "page.html", tmp_path / "x.png", height=100)


def test_pictures_of_runs(monkeypatch, tmp_path, capsys):
    browser.need()
    trained = []
    monkeypatch.setattr(screenshots, "BUILT", tmp_path / "built")
    monkeypatch.setattr(screenshots, "train_tiny_run", lambda name: trained.append(name) or tmp_path / name)
    monkeypatch.setattr(screenshots, "train_own_run", lambda: trained.append("own") or tmp_path / "own")
    monkeypatch.setattr(
        screenshots.report_files, "render_runs", lambda folders, command: {"index": {"html": b"<h1>report</h1>"}}
    )

    def write_page(run, page):
        page.write_text("<table id=rows><tr onclick=\"document.title='clicked'\"><td>clip</td></tr></table>")
        return page

    def write_terminal(run, page):
        page.write_text("<body style='margin: 0'><pre style='height: 200px; margin: 0'>table</pre>")
        return page

    monkeypatch.setattr(screenshots, "write_listening_page", write_page)
    monkeypatch.setattr(screenshots, "write_terminal_page", write_terminal)
    screenshots.main([f"--out={tmp_path / 'images'}", "--height=300", "--clip=clip"])
    assert trained == ["fusion_trimodal", "own", "conflictnet"], "what is not named is trained"
    for name, height in (("terminal", 200), ("report", 300), ("own_report", 720), ("listening", 840)):
        data = (tmp_path / "images" / f"{name}.png").read_bytes()
        assert data.startswith(b"\x89PNG")
        assert struct.unpack(">II", data[16:24]) == (1180, height)
    assert capsys.readouterr().out.count(".png") == 4


def test_the_terminal_s_page_shows_the_table(tmp_path):
    trials = [
        make_trial(variant=name, validation={"uar": score}, test={"uar": score})
        for name, score in (("a < b", 0.5), ("c", 0.6))
    ]
    write_results(tmp_path, make_results(*trials, metric="uar", task="multiclass"))
    (tmp_path / "config.json").write_text('{"config_arg": "x", "config": {}}')
    text = screenshots.write_terminal_page(tmp_path, tmp_path / "page.html").read_text()
    assert "a &lt; b" in text
    assert "60.0" in text


def test_a_picture_too_large_for_a_readme_is_refused(monkeypatch, tmp_path):
    browser.need()
    (tmp_path / "page.html").write_text("<p>x</p>")
    monkeypatch.setattr(screenshots, "BUILT", tmp_path / "built")
    monkeypatch.setattr(screenshots, "LARGEST", 10)
    with pytest.raises(UserError, match=r"x\.png has \d+ bytes, more than 10; take less of the page"):
        screenshots.take_picture(tmp_path / "page.html", tmp_path / "x.png", height=100)
