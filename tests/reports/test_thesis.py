import json
import math

import pytest

from affect_jax.reports import sources, thesis
from affect_jax.reports.thesis import SIGNIFICANT
from affect_jax.reports.thesis_tables import list_needed
from affect_jax.runtime.run_folder import name_run_folder

# Our row and column names -> those of ../shared/thesis/tables.json.
ROWS = {
    "SVR + offset (Valstar 2016)": "SVR+offset [49]",
    "MTL, RE (Han 2017a)": "MTL (RE) [208]",
    "MTL, PU (Han 2017b)": "MTL (PU) [209]",
    "DDAT, RE (Zhang 2019)": "DDAT (RE) [210]",
    "DDAT, PU (Zhang 2019)": "DDAT (PU) [210]",
    "EmoBed (Han 2019)": "EmoBed [23]",
    "EmoBed (+audio) (Han 2019)": "EmoBed(+Acoustic)",
    "EmoBed (+appearance) (Han 2019)": "EmoBed(+app)",
    "EmoBed (+geometric) (Han 2019)": "EmoBed(+geo)",
    "IS13 baseline (Schuller 2013) *": "IS13 baseline [117]",
    "Random subset feature selection (Räsänen 2013)": "Random subset feature selection [9]",
    "Random discriminative projection (Kaya 2015) *": "Random discriminative projection [8]",
    "Deep hierarchical neural networks (Brueckner 2015) *": "Deep hierarchical NN [10]",
    "Greedy forward-backward (Gosztolya 2015) *": "Greedy forward-backward [6]",
    "Ensemble Nyström (Huang 2014) *": "Ensemble Nystrom [129]",
    "Speaker overlap (Grezes 2013)": "Speaker overlap [12]",
    "Speech interruption (Caraty 2015)": "Speech interruption [11]",
    "DNN features (Gosztolya 2017)": "DNN features [7]",
    "End-to-end CNN": "End-to-end CNN [132]",
    "CAT-LSTM-Uni (Poria 2017)": "CAT-LSTM-Uni [185]",
    "CAT-LSTM-Uni, the thesis' rerun": "CAT-LSTM-Uni rerun",
    "MU-SA (Ghosal 2018)": "MU-SA [186]",
    "MU-SA, the thesis' rerun": "MU-SA rerun",
    "Seq2SeqSent-Uni (Pham 2018)": "Seq2SeqSent-Uni [85]",
    "HMTL-Uni (Seo 2020)": "HMTL-Uni [50]",
    "Seq2SeqSent (+text) (Pham 2018)": "Seq2SeqSent(+Textual) [85]",
    "HMTL (+text) (Seo 2020)": "HMTL(+Textual) [50]",
    "unimodal BiGRU+TE+Classifier": "our unimodal",
    "SeqSEW (+text)": "SeqSEW(+Textual)",
    "SeqSEW (+text) -LFA": "-LFA",
    "SeqSEW (+text) -Decoder": "-Decoder",
    "SEW (+audio)": "SEW(+Acoustic)",
    "SEW (+geometric)": "SEW(+geo)",
}
COLUMNS = {
    "3.1": ["pcc", "uar", "war"],
    "5.1": ["audio", "video_geo", "video_app"],
    "5.2": ["arousal geo(+audio)", "arousal app(+audio)", "valence audio(+geo)", "valence app(+audio)"]
    + ["valence app(+geo)"],
    "5.3": ["arousal geo", "arousal app", "valence audio", "valence app"],
    "5.4": ["acc", "weighted_f1"],
    "5.5": ["audio", "video_app", "video_geo"],
    "5.6": ["visual acc", "visual f1", "acoustic acc", "acoustic f1"],
    "5.7": ["arousal app", "arousal geo", "valence audio"],
    "5.8": ["audio", "video_app", "video_geo"],
    "5.9": ["arousal app", "arousal geo", "valence audio"],
}


def their_row(table, label):
    """The cells of one of our rows in tables.json, whose tables keep rows in three ways."""
    if label in table:
        return table[label]
    group, _, cell = label.partition(": ")
    if cell:
        return table[group][cell]
    for ours, theirs in (
        ("SeqSEW (+audio)", "SeqSEW(+Acoustic)"),
        ("SeqSEW (+appearance)", "SeqSEW(+app)"),
        ("SeqSEW (+geometric)", "SeqSEW(+geo)"),
    ):
        if label.startswith(ours):
            return table["rows"][label.replace(ours, theirs)]
    return table["rows"][ROWS.get(label, label)]


@pytest.fixture
def printed(repo_root):
    """The thesis' tables as tables.json keeps them."""
    path = repo_root.parent / "shared" / "thesis" / "tables.json"
    if not path.is_file():
        pytest.skip(f"no {path}: the thesis' tables are not part of the project")
    return json.loads(path.read_text())


@pytest.mark.parametrize("number", COLUMNS)
def test_every_published_cell(number, printed):
    theirs = printed[f"table_{number.replace('.', '_')}"]
    table = thesis.TABLES[number]
    assert theirs["columns"] == COLUMNS[number]
    published = [row for row in table.rows if any(value is not None for value in row.published)]
    for row in published:
        assert list(row.published) == their_row(theirs, row.label), row.label
    count = (
        len(theirs["rows"])
        if "rows" in theirs
        else sum(
            len(value) if isinstance(value, dict) else 1
            for key, value in theirs.items()
            if key not in ("what", "columns")
        )
    )
    assert len(published) == count


@pytest.mark.parametrize("table", thesis.TABLES.values(), ids=thesis.TABLES.keys())
def test_rows_fit_their_columns(table):
    for row in table.rows:
        assert len(row.published) == len(table.columns)
        assert len(row.sources) in (0, len(table.columns))
        for source, value in zip(row.sources, row.published, strict=False):
            assert (
                value is None or source is not None
            )  # the other way round: the control, and a WAR that is not printed


def test_the_swap_of_5_7():
    table = thesis.TABLES["5.7"]
    rows = {row.label: row for row in table.rows}
    assert [column.label for column in table.columns[:2]] == ["arousal appearance", "arousal geometric"]
    # The AVEC 2016 baseline: geometric .379, appearance .483.
    assert table.figures(rows["SVR + offset (Valstar 2016)"])[:2] == (0.483, 0.379)
    assert table.figures(rows["SeqSEW (+audio)"]) == (0.574, 0.586, None)
    # After it, the tables agree with each other.
    others = {row.label: row.published for row in thesis.TABLES["5.3"].rows}
    for label in table.swap.rows[:5]:
        assert table.figures(rows[label]) == (others[label][1], others[label][0], others[label][2])
    assert table.figures(rows["SEW (+audio)"])[:2] == (others["SEW"][1], others["SEW"][0])
    assert set(table.swap.rows) <= rows.keys()


def test_figures_that_the_thesis_prints_twice_agree():
    unimodal = {row.label: row.published for row in thesis.TABLES["5.4"].rows}
    printed = next(row for row in thesis.TABLES["5.6"].rows if row.label.startswith("unimodal")).published
    assert printed == unimodal["video: BiGRU+TE+Classifier"] + unimodal["audio: BiGRU+TE+Classifier"]


def test_the_runs_of_the_tables():
    assert list_needed(thesis.TABLES[n] for n in thesis.GROUPS["mosi"]) == (
        "configs/seqsew_unimodal.py:mosi",
        "configs/unimodal_mosi.py",
        "configs/zoo.py:colearning,cmu_mosi_video,seq2seq2sentiment",
        "configs/zoo.py:colearning,cmu_mosi_audio,seq2seq2sentiment",
        "configs/zoo.py:colearning,cmu_mosi_video,hmtl",
        "configs/zoo.py:colearning,cmu_mosi_audio,hmtl",
        "configs/seqsew.py:mosi,video+text",
        "configs/seqsew.py:mosi,audio+text",
    )
    recola = list_needed(thesis.TABLES[n] for n in thesis.GROUPS["recola"])
    assert {name_run_folder(config) for config in recola} == {
        "sew_unimodal_arousal",
        "sew_unimodal_valence",
        "sew_unimodal_arousal_baseline",
        "sew_unimodal_valence_baseline",
        "emobed_arousal_geo_audio",
        "emobed_arousal_app_audio",
        "emobed_valence_audio_geo",
        "emobed_valence_audio_app",
        "emobed_valence_app_audio",
        "sew_arousal_geo_audio",
        "sew_arousal_app_audio",
        "sew_valence_audio_geo",
        "sew_valence_app_audio",
        "sew_valence_app_geo",
        "difficulty_arousal",
        "difficulty_valence",
        "difficulty_arousal_raters",
        "difficulty_valence_raters",
        "seqsew_unimodal_recola_arousal",
        "seqsew_unimodal_recola_valence",
        "seqsew_recola_arousal_app_audio",
        "seqsew_recola_arousal_geo_audio",
        "seqsew_recola_valence_audio_app",
        "seqsew_recola_valence_audio_geo",
    }
    assert list_needed([thesis.TABLES["5.8"], thesis.TABLES["5.9"]]) == ()


def test_a_cell_is_what_its_label_says():
    by_label = {row.label: row.sources for row in thesis.TABLES["5.7"].rows}
    assert by_label["SEW (+audio)"][0] == sources.Source("configs/sew.py:arousal,app+audio", "teachers", "SEW")
    assert by_label["SeqSEW (+geometric) -LFA"][2] == sources.Source(
        "configs/seqsew.py:recola,valence,audio+geo", "teachers", "-LFA"
    )
    # Sources stand under the head that a column should have, where printed figures were exchanged.
    assert by_label["DDAT, PU (Zhang 2019)"][1] == sources.Source(
        "configs/difficulty.py:arousal,raters", "video_geometric/predicted", "DDAT(PU)"
    )
    assert thesis.TABLES["5.4"].rows[4].sources[0] == sources.Source(
        "configs/seqsew_unimodal.py:mosi", "audio/bigru", "BiGRU+Classifier"
    )


def test_pairs_ask_with_the_weaker_modality():
    pairs = {pair.label: pair for pair in thesis.PAIRS}
    assert len(pairs) == 11
    mosi = pairs["SeqSEW mosi,audio+text"]
    assert (mosi.split, mosi.metrics) == ("test", ("accuracy", "weighted_f1"))
    assert [name for name, _ in mosi.references] == ["unimodal BiGRU+TE", "-LFA", "-Decoder", "-(LFA & Decoder)"]
    assert mosi.references[0][1].study == "audio/bigru+te"
    recola = pairs["SeqSEW recola,arousal,geo+audio"]
    assert recola.references[0][1] == sources.Source(
        "configs/seqsew_unimodal.py:recola,arousal", "video_geometric/bigru+te", "BiGRU+TE+Classifier"
    )
    assert pairs["SEW arousal,geo+audio"].references[0][1].study == "unimodal_video_geometric"


def test_percent_and_fractions_are_not_mixed():
    for table in thesis.TABLES.values():
        for row in table.rows:
            for value, column in zip(row.published, table.columns, strict=True):
                for x in value if isinstance(value, thesis.Spread) else (value,):
                    assert x is None or (0 < x < 1) == (table.fractions or column.metric in ("ccc", "pcc"))
                    assert x is None or math.isfinite(x)


# The thesis' names of the two scores, by its eq. 2.10, under ours.
THEIRS = {"uar": "wa", "accuracy": "uwa"}


def by_metric(row, table):
    return {column.metric: tuple(value) for column, value in zip(table.columns, row.published, strict=True)}


def test_the_naming_trap():
    table = thesis.TABLES["4.1"]
    intra = next(row for row in table.rows if row.label == "T+V+A: intra")
    # Printed: WA .587, UWA .642.
    assert by_metric(intra, table) == {"uar": (0.587, 0.022), "accuracy": (0.642, 0.019)}
    assert thesis.NAMES == {"uar": "UAR (UA; the thesis' WA)", "accuracy": "accuracy (WA; the thesis' UWA)"}
    for number in thesis.GROUPS["fusion"]:
        for column in thesis.TABLES[number].columns:
            assert column.label == thesis.NAMES[column.metric]
    # Mean recall is below accuracy where classes are uneven, in every row: the mapping cannot be the other way round.
    for number in thesis.GROUPS["fusion"]:
        for row in thesis.TABLES[number].rows:
            assert row.published[0].mean < row.published[1].mean


def test_table_4_1(printed):
    theirs, table = printed["table_4_1"], thesis.TABLES["4.1"]
    names = {"MDRE": "mdre", "AMH": "amh", "MHA": "amh", "cross": "cross", "intra": "intra"}
    for row in table.rows:
        modalities, model = row.label.split(": ")
        for metric, figures in by_metric(row, table).items():
            assert list(figures) == theirs[THEIRS[metric]][modalities][names[model]], row.label
    assert len(table.rows) == sum(map(len, theirs["wa"].values()))
    starred = set()
    for (intra, _), metrics in SIGNIFICANT.items():
        modalities = intra.removeprefix("intra").strip() or "T+V+A"
        starred |= {f"{modalities} {THEIRS[metric]}" for metric in metrics if modalities != "-nosp"}
    assert starred == set(theirs["significant_p_below_0.05"])


@pytest.mark.parametrize("number", ["4.2", "4.3", "4.5"])
def test_the_other_tables_of_chapter_4(printed, number):
    theirs, table = printed[f"table_{number.replace('.', '_')}"], thesis.TABLES[number]
    assert theirs["columns"] == [THEIRS[column.metric] for column in table.columns]
    assert {row.label: [list(value) for value in row.published] for row in table.rows} == theirs["rows"]


def test_table_4_4(printed):
    theirs = printed["table_4_4"]
    for attention, masks in thesis.TABLE_4_4.items():
        for mask, figures in masks.items():
            assert [list(spread) for spread in figures] == theirs[attention][mask]
        assert masks.keys() == theirs[attention].keys()
    # What the columns "orig" print is table 4.1's.
    rows = {row.label: row.published for row in thesis.TABLES["4.1"].rows}
    for mask, figures in theirs["cross_trained_on_the_same"].items():
        assert [list(value) for value in rows[f"{mask}: cross"]] == figures


def test_chapter_4_prints_a_model_twice_alike_but_for_one_deviation():
    by_study = {}
    for number in thesis.GROUPS["fusion"]:
        for row in thesis.TABLES[number].rows:
            by_study.setdefault(row.sources[0].study, set()).add(row.published)
    assert {study for study, figures in by_study.items() if len(figures) > 1} == {"cross"}
    assert {accuracy.std for _, accuracy in by_study["cross"]} == {0.017, 0.012}


def test_the_runs_of_chapter_4():
    assert list_needed(thesis.TABLES[n] for n in thesis.GROUPS["fusion"]) == tuple(
        f"configs/fusion.py:{name},iemocap" for name in ("modalities", "trimodal", "ablations", "pairs", "moddrop")
    )
    pair = sources.Source("configs/fusion.py:pairs,iemocap", "V2T+A2T", "V2T+A2T")
    assert sources.pick_fusion("pairs", "V2T+A2T") == pair
    assert sources.shrink_config(pair.config) == "configs/fusion.py:pairs"
    real = (pair.config, "configs/fusion.py:all,iemocap")
    assert sources.list_candidates(pair.config, False) == real
    assert sources.list_candidates(pair.config, True) == (*real, "configs/fusion.py:pairs", "configs/fusion.py:all")
    assert sources.list_candidates("configs/fusion.py:trimodal,iemocap", True)[-1] == "configs/fusion.py"
    assert sources.list_candidates("configs/seqsew.py:mosi", True) == ("configs/seqsew.py:mosi",)


def test_questions_are_of_rows_in_the_tables():
    known_sources = {row.sources[0] for n in thesis.GROUPS["fusion"] for row in thesis.TABLES[n].rows}
    asked = {question.label: (question.a, question.b) for question in thesis.QUESTIONS}
    assert len(asked) == len(thesis.QUESTIONS) == 18
    for a, b in asked.values():
        assert a != b
        assert {a, b} <= known_sources
    studies = {(a.study, b.study) for a, b in asked.values()}
    assert studies >= SIGNIFICANT.keys()
    assert studies >= {("intra T+V", "cross T+V"), ("intra+moddrop", "intra"), ("cross+intra", "intra")}
