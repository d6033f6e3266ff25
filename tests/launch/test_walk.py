"""A newcomer's afternoon (issue 20): one's own recordings, every program in turn, and the mistakes that one makes.

60 recordings of a second of two emotions and six speakers, a second modality as npy, some of it missing, and a csv. One
run is trained; nearly all else reads it.
"""

import json
import re

import numpy as np
import pytest
import soundfile

from affect_jax.training import loop
from tests import small
from tests.launch.starting import call_program

# Of ml_collections, which loads a config file in an old way.
pytestmark = [pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning"), pytest.mark.timeout(300)]
RATE = 8000
SMALL = [
    *("--config.model.units=3", "--config.model.heads=2", "--config.model.hidden=3", "--config.stages.fit.epochs=2"),
    *("--config.corpus.folds=3", "--config.study.seeds=2", "--config.study.only=intra", "--config.engine.devices=1"),
]
GRID = "--config.search.grid={'stages': {'fit': {'dropout': (0.0, 0.2)}}}"
FUSE = ("main", "--config=configs/fusion.py", "--config.corpus.manifest=walk.csv", *SMALL, "--workdir=runs/walk")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of the walk."""
    folder = tmp_path_factory.mktemp("walk")
    draw = np.random.default_rng(0)
    lines = ["id,group,label,voice,face"]
    for n in range(60):
        emotion = n % 2
        tone = 0.2 * np.sin(np.arange(RATE) * (0.1 + 0.2 * emotion))
        soundfile.write(folder / f"{n}.wav", tone + draw.normal(0, 0.01, RATE), RATE)
        np.save(folder / f"{n}.npy", draw.normal(emotion, 1, (4 + n % 3, 2)).astype(np.float32))
        label = ("sad", "happy")[emotion]
        lines.append(
            f"clip{n},speaker{n % 6 if n % 4 else (n + 1) % 6},{label},{n}.wav,{'' if n % 7 == 3 else f'{n}.npy'}"
        )
    (folder / "walk.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def start(home):
    """Starts a program as `python -m launch.NAME` does, in this process: its exit status and all that it printed."""

    def call(name, *arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
            patch.chdir(home)
            done = call_program(name, *arguments)
        return done.returncode, done.stderr + done.stdout

    return call


@pytest.fixture(scope="module")
def run(home, start):
    """The fusion run, and what its program printed."""
    status, printed = start(*FUSE, GRID)
    assert status == 0, printed
    return home / "runs" / "walk", printed


def test_mistakes_in_the_csv(start, home):
    wrong = (home / "walk.csv").read_text().replace("clip7,speaker1,happy", "clip7,speaker1,hapy")
    (home / "wrong.csv").write_text(wrong.replace("id,group,label,", "id,group,emotion,"))
    status, said = start("prepare", "--corpus=manifest", "--manifest=wrong.csv")
    assert status == 2
    assert "its columns are id, group, emotion, voice, face: rename the one with the labels" in said
    (home / "wrong.csv").write_text(wrong)
    status, said = start("prepare", "--corpus=manifest", "--manifest=wrong.csv")
    assert status == 2
    assert "row 9: class 'hapy' (did you mean 'happy'?)" in said


def test_what_is_adapted_is_told_and_stays_in_the_folder(run):
    folder, printed = run
    line = "model.classes: 7 -> 2, because the label 'label' has 2 classes"
    assert f"note: {line}" in printed
    written = json.loads((folder / "config.json").read_text())
    assert line in written["remarks"]
    assert written["config"]["corpus"]["name"] == "manifest"
    assert written["config"]["study"]["seeds"] == 2


def test_the_run_says_what_it_costs_what_it_does_and_what_comes_next(run):
    printed = run[1]
    assert "12 trials in 1 study" in printed
    assert re.search(r"updates: about \d+ (s|min) to \d+ (s|min) on an idle machine, compiling included", printed)
    assert "for a first look, --config.study.seeds=1 --config.study.folds=fold_1 trains 1 of them" in printed
    assert "compiling" in printed
    assert "best validation accuracy" in printed
    assert "what the search chose" in printed
    assert len(re.findall(r"│ intra +│ fold_\d │ +0(?:\.2)? │", printed)) == 3
    assert printed.splitlines()[-1].startswith("next: python -m launch.report runs/walk")


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--config.learning_rate=0.1", "did you mean config.stages.fit.optimizer.learning_rate?"),
        ("--config.study.seeds=many", "'many' is not a whole number; write it like --config.study.seeds=2"),
        (
            "--config.stages.fit.losses.prediction.kind=hinge",
            "has kind 'hinge'; what fits here is cross_entropy, focal, ordinal, or a function of your own",
        ),
        ("--config.stages.fit.losses.prediction.kind=mse", "has 2 classes; choose cross_entropy"),
        ("--config.stages.fit.monitor.metric=ccc", "monitors 'ccc'; a multiclass task has accuracy, uar,"),
        (
            "--config=configs/fusoin.py",
            "did you mean 'fusion'?); give the path of a file or one of conflict_frames, conflictnet,",
        ),
    ],
)
def test_mistakes_of_flags(start, run, flag, message):
    status, said = start(*FUSE, flag)
    assert status == 2
    assert message in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("program", "flags_", "message"),
    [
        ("prepare", ("--manifest=walk.csv", "--sond=mfcc"), "no flag --sond (did you mean --sound?)"),
        (
            "prepare",
            ("--manifest=walk.csv", "--modalities=vioce"),
            "walk.csv has no column 'vioce' (did you mean 'voice'?)",
        ),
        (
            "main",
            (*FUSE[1:], "--config.data.modalities=('vioce', 'face')"),
            "has no column 'vioce' (did you mean 'voice'?)",
        ),
        (
            "main",
            (*FUSE[1:], "--config.study.folds=('fold_9',)", "--workdir=runs/other"),
            "names 'fold_9'; the corpus has fold_1, fold_2, fold_3",
        ),
        (
            "baselines",
            ("--config=configs/rank.py", "--config.corpus.manifest=walk.csv"),
            "take --config=configs/speech_emotion.py with the same --config.corpus.manifest",
        ),
    ],
)
def test_mistakes_in_every_program(start, home, program, flags_, message):
    status, said = start(program, *flags_)
    assert status == 2
    assert message in said
    assert "[" not in said.splitlines()[-1], "no list of Python's"


def test_one_modality_leaves_the_items_without_it_out(start, home):
    status, said = start("prepare", "--manifest=walk.csv", "--modalities=face")
    assert status == 0, said
    assert "left out: 9 of 60 items, which have no face" in said


def test_another_config_shows_where_it_differs(start, run):
    status, said = start(*FUSE, GRID, "--config.stages.fit.dropout=0.3")
    assert status == 2
    assert "made with another config, by configs/fusion.py" in said
    assert "config.stages.fit.dropout: 0.1 in the folder, 0.3 now" in said


def test_the_settings_are_seen_before_a_run(start, run):
    status, said = start("main", "--config=configs/rank.py", "--config.corpus.manifest=walk.csv", "--print_config")
    assert status == 0
    assert "config.stages.fit.optimizer.learning_rate = 0.001\n" in said
    assert "# studies: audio, text, video -> voice, face, because voice and face are what is read of the corpus" in said


def test_report_and_missing_speak_of_the_corpus_alone_and_in_percent(start, run):
    status, said = start("report", "runs/walk")
    assert status == 0
    assert "| accuracy % |" in said
    assert "open in a browser: runs/walk/report/index.html" in said
    assert said.splitlines()[-1].startswith("next: python -m launch.export --run=runs/walk")
    rows = (run[0] / "report" / "comparison.csv").read_text()
    assert "thesis" not in rows
    assert not re.findall(r"\[[^\]]*\](?! \(6\))", said.split("- mean")[0]), "six speakers, but three folds"
    status, missing = start("missing", "--run=runs/walk")
    assert status == 0
    assert "note: neighbours 5, 10, as no fold has more" in missing
    assert re.search(r"intra +● +○ +\d+\.\d ± ", missing)
    folder = run[0] / "report"
    assert "What the grid chose" in (folder / "chosen.md").read_text()
    page = (folder / "index.html").read_text()
    assert "What the grid chose" in page
    for text in (said, missing, page, *(path.read_text() for path in folder.glob("*.md"))):
        assert "thesis" not in text.lower()
        assert "Table 4" not in text


def test_export_predict_explain_and_explore_go_on_from_the_run(start, run, home):
    status, said = start("export", "--run=runs/walk")
    assert status == 0, said
    assert "next: python -m launch.predict --run=runs/walk/export FILE" in said
    (home / "new.csv").write_text("id,voice,face\nfirst,0.wav,0.npy\nsecond,1.wav,\n")
    answers = []
    for source in ("runs/walk", "runs/walk/export"):
        status, said = start("predict", f"--run={source}", "new.csv")
        assert status == 0, said
        rows = re.findall(r"^(first|second),(happy|sad),([0-9.]+),([0-9.]+)", said, re.MULTILINE)
        assert [row[0] for row in rows] == ["first", "second"]
        for row in rows:
            assert float(row[2]) + float(row[3]) == pytest.approx(1, abs=1e-4)
        answers.append(rows)
    assert [row[:2] for row in answers[0]] == [row[:2] for row in answers[1]]
    status, said = start("explain", "--run=runs/walk")
    assert status == 2
    assert "raw speech" in said
    status, said = start("explore", "--run=runs/walk", "--limit=2")
    assert status == 0, said
    assert "open in a browser: runs/walk/listening/" in said
    assert said.splitlines()[-1].startswith("next: python -m launch.report runs/walk")
    (home / "odd.csv").write_text("id,vioce,face\nfirst,0.wav,0.npy\n")
    status, said = start("predict", "--run=runs/walk", "odd.csv")
    assert "no column 'voice' (did you mean 'vioce'?)" in said
    assert "next: python -m launch.explore --run=runs/walk" in said


FIRST = (
    *("--config.corpus.manifest=walk.csv", "--config.study.seeds=1", "--config.study.folds=fold_1"),
    *("--config.corpus.folds=3", "--config.stages.fit.epochs=1", "--config.engine.devices=1"),
)


RANK = (
    *("--config=configs/rank.py", "--config.model.units=3", "--config.model.heads=2", "--config.model.hidden=3"),
    *FIRST,
)


def test_modalities_are_ranked(start, home, monkeypatch):
    """A trial of each, for what is said of it: weights are drawn."""
    monkeypatch.setattr(loop, "fit_study", small.give_drawn_weights)
    status, said = start("main", *RANK, "--workdir=runs/rank_walk")
    assert status == 0, said
    assert "studies: audio, text, video -> voice, face, because voice and face are what is read" in said
    assert "model.modalities" not in said
    assert "Modalities of rank_" in said
    assert "2 trials in 2 studies" in said
    assert said.splitlines()[-1].startswith("next: python -m launch.report runs/rank_")


HITS = """import jax.numpy as jnp


def hits(prediction, target, mask):
    return jnp.sum((jnp.argmax(prediction, -1) == target) & mask) / jnp.sum(mask)
"""


def test_a_score_of_one_s_own_monitors(start, home, monkeypatch):
    """It is accuracy under another name."""
    (home / "my_scores.py").write_text(HITS)
    monkeypatch.syspath_prepend(home)
    own = ("--config.stages.fit.monitor.metric=my_scores:hits", "--config.study.only=face", "--workdir=runs/hits")
    status, said = start("main", *RANK, *own)
    assert status == 0, said
    results = json.loads((home / "runs" / "hits" / "results.json").read_text())
    assert results["monitor"] == {"metric": "my_scores:hits", "goal": "max"}
    (trial,) = results["trials"]
    for split in ("validation", "test"):
        assert trial[split]["my_scores:hits"] == pytest.approx(trial[split]["accuracy"], abs=1e-6)


SPEECH = """from configs import speech_emotion


def get_config():
    config = speech_emotion.get_config()
    config.model.update(filters=(2,), widths=(6,), pools=(40,), lstm_units=(3, 2), attention_units=2)
    return config
"""


def test_raw_speech_is_explained(start, home, monkeypatch):
    """By drawn weights, of which explanations are of the same form."""
    monkeypatch.setattr(loop, "fit_study", small.give_drawn_weights)
    (home / "small_speech.py").write_text(SPEECH)
    status, said = start("main", "--config=small_speech.py", *FIRST, "--workdir=runs/speech")
    assert status == 0, said
    assert "model.modality: speech -> voice, because voice is what is read of the corpus" in said
    assert "1 trial in 1 study" in said
    assert "engine.data" not in said
    fast = ("--segments=4", "--perturbations=8", "--seeds=1", "--steps=2")
    status, said = start("explain", "--run=runs/speech", "0.wav", *fast)
    assert status == 0, said
    assert (home / "runs" / "speech" / "explanations").is_dir()
    assert said.splitlines()[-1].startswith("next: python -m launch.explore --run=runs/speech")
