import hashlib
import html.parser
import re

import pytest

from affect_jax.reports import render, report_files
from affect_jax.reports.tables import Grid

HOSTILE = '</script><script>alert(1)</script><img src=x onerror=alert(1)>&"'
VOID = {"meta", "br", "img"}


class Elements(html.parser.HTMLParser):
    """Tags with their attributes, and all text; refuses what is not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


GRID = Grid(
    f"title {HOSTILE}",
    (("", "run"), ("accuracy", "ours"), ("accuracy", HOSTILE)),
    ((HOSTILE, "1.0", ""), ("b", "2.0", "x")),
    (f"note {HOSTILE}",),
)


def render_block(name, *values):
    return Elements(getattr(render._make_environment().get_template("blocks.html").module, name)(*values))


def test_a_table_says_everything_and_runs_nothing():
    elements = render_block("table", GRID)
    assert not elements.all("script")
    assert not elements.all("img")
    assert len(elements.all("button")) == 3
    assert "".join(elements.texts).count(HOSTILE) == 4
    assert [head.get("scope") for head in elements.all("th")] == ["colgroup", "col", "col", "col"]


def test_a_matrix_shades_shares_of_the_truth():
    elements = render_block("matrix", HOSTILE, [[9, 1, 0], [5, 5, 0], [0, 0, 0]], ("a", HOSTILE, "c"))
    cells = [cell for cell in elements.all("td") if cell.get("class") != "corner"]
    assert [cell["class"] for cell in cells] == ["s9", "s1", "s0", "s5", "s5", "s0", "s0", "s0", "s0"]
    assert cells[1]["title"] == f"a taken for {HOSTILE}: 1 of 10"
    assert elements.all("table") == [{"class": "matrix", "aria-label": HOSTILE}]


@pytest.fixture
def built(make_fusion_run, add_epochs):
    """A report of a run whose every name is hostile."""
    folder = make_fusion_run("configs/fusion.py:trimodal", {HOSTILE: 0.3, "cross": 0.3}, synthetic=True)
    path = folder / "results.json"
    named = path.read_text().replace('"happy"', '"happy <b onclick=alert(1)>"').replace('"emotion7"', '"<i>variant"')
    path.write_text(named)
    add_epochs(folder, HOSTILE, {HOSTILE: (3, 3)}, stage="<u>stage")
    asked = report_files.Asked(compare=[f"{HOSTILE} vs cross"])
    return report_files.render_runs([folder], f"python -m launch.report '{HOSTILE}'", asked)


def test_nothing_in_a_run_folder_becomes_part_of_the_page(built):
    elements = Elements(built["index"]["html"].decode())
    assert len(elements.all("script")) == 1
    assert not {"b", "i", "u", "iframe", "link"} & {tag for tag, _ in elements.tags}
    assert all(image["class"] == "chart" for image in elements.all("img"))
    assert not [name for _, attributes in elements.tags for name in attributes if name.startswith("on")]
    assert "".join(elements.texts).count(HOSTILE) > 10


def test_the_page_asks_for_nothing_and_allows_itself_alone(built):
    text = built["index"]["html"].decode()
    elements = Elements(text)
    policy = elements.all("meta")[1]["content"]
    assert policy.startswith("default-src 'none'; img-src data:; script-src 'sha256-")
    for tag in ("script", "style"):
        own = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = render.encode_base64(hashlib.sha256(own.encode()).digest())
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not [a for _, attributes in elements.tags for a in attributes if a in ("style", "srcset", "data")]
    sources = [attributes["src"] for _, attributes in elements.tags if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert {link["href"][0] for link in elements.all("a")} == {"#"}
    assert {link["href"][1:] for link in elements.all("a")} == {section["id"] for section in elements.all("section")}


def test_who_does_not_see_the_charts_is_told_what_they_show(built):
    elements = Elements(built["index"]["html"].decode())
    assert all(svg["aria-hidden"] == "true" for svg in elements.all("svg"))
    assert elements.all("img")
    assert all(image["alt"] for image in elements.all("img"))
    assert all(image["title"] == image["alt"] for image in elements.all("img")), "nor who rests the pointer on one"
    headings = [tag for tag, _ in elements.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}


def test_a_synthetic_corpus_is_said_first(built):
    elements = Elements(built["index"]["html"].decode())
    assert elements.all("p")[0] == {"class": "warning"}
    assert "a synthetic corpus. Its numbers show that the code runs, and nothing else." in "".join(elements.texts)


def test_the_same_runs_give_the_same_page(make_traces):
    folder = make_traces({"SEW": 0.3, "-CCA": 0.6})
    first, second = (report_files.render_runs([folder], "x")["index"]["html"] for _ in range(2))
    assert first == second
    text = first.decode()
    assert "Truth against prediction" in text
    assert "Concordance over time" in text
    assert "has no metrics.jsonl, so no curves" in text
    assert text.count("<details") == 5, "three recordings and their table, and all scores"
    assert "synthetic corpus" not in text
