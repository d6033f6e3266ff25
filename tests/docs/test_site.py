"""`make docs`: the site is built with warnings as errors, and its pages hold what they should."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from tests.docs import commands

pytestmark = pytest.mark.slow
ROOT = commands.ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site. Proxies that lead nowhere show that building fetches nothing."""
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed; requirements-dev.txt has it")
    folder = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", folder],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_every_page_is_there(site):
    pages = [f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")]
    assert not [
        name for name in (*pages, "index.html", "CONTRIBUTING.html", "CHANGELOG.html") if not (site / name).is_file()
    ]


def test_the_api_has_a_page_for_every_room_with_its_docstrings(site):
    rooms = {path.name for path in (ROOT / "affect_jax").iterdir() if (path / "__init__.py").is_file()}
    assert {path.stem for path in (site / "api").glob("*.html")} == {*rooms, "affect_jax", "launch"}
    losses = (site / "api" / "losses.html").read_text()
    assert 'id="affect_jax.losses.regression.ccc_loss"' in losses
    assert "concordance correlation coefficient" in losses


def test_nothing_is_loaded_from_elsewhere(site):
    loads = re.compile(r'(?:<script[^>]*\ssrc|<link[^>]*rel="stylesheet"[^>]*href|<img[^>]*src)="(https?:[^"]+)"')
    pages = {path: loads.findall(path.read_text()) for path in site.rglob("*.html")}
    badges = "https://colab.research.google.com/assets/colab-badge.svg"
    assert not {path.name: found for path, found in pages.items() if [one for one in found if one != badges]}


def test_links_out_of_the_documentation_lead_to_the_api_or_the_repository(site):
    design = (site / "design.html").read_text()
    assert 'href="api/training.html#affect_jax.training.step"' in design
    assert 'href="https://github.com/affect-jax/affect_jax/blob/main/configs/sew.py"' in design
