"""results.json is read as it was written, or one sentence says what is wrong with it and how to make it anew."""

import dataclasses
import json
import shlex
from pathlib import Path

import pytest

from affect_jax.errors import UserError
from affect_jax.experiment import results_file
from affect_jax.experiment.results_file import read_results, write_results

TRIAL = results_file.TrialResult(
    study="teachers",
    variant="SEW",
    fold="dev",
    seed=0,
    hyper={"stages.fit.dropout": 0.0},
    validation={"ccc": 0.5, "pcc": None},
    test=None,
    best_epoch={"fit": 2},
    epochs={"fit": 3},
    stopped="a loss was NaN",
    finite=False,
    held_out_cca={"alignment_audio": 0.3},
)
CLASSICAL = dataclasses.replace(
    TRIAL, classical=results_file.ClassicalDetails("mfcc", 12, "train", ({"hyper": {"C": 1.0}, "score": 0.4},), 3)
)
RESULTS = results_file.Results(
    name="SEW",
    config_arg="configs/sew.py:valence,app+geo",
    task="regression",
    monitor=results_file.Monitor("ccc", "max"),
    corpus=results_file.CorpusRecord(
        "recola", "avec", True, "0" * 64, {"train": results_file.SplitCount(3, 90, {"0": 4})}, ("calm", "tense")
    ),
    trials=(TRIAL, CLASSICAL),
    variants=(results_file.VariantSummary("teachers", "SEW", "validation", "ccc", 0.5, None, 1, {"dev": 0.5}),),
    selected=(results_file.Selection("teachers", "SEW", "dev", {"stages.fit.dropout": 0.1}, 0.5, 3),),
    baselines={"validation": {"ccc": 0.0}},
    provenance=results_file.Provenance("abc+", {"jax": "0"}, "3.11", "launch/main.py --config=configs/sew.py"),
)
COMMAND = r"python -m launch.main --config=configs/sew.py:valence,app\+geo --workdir=DIR"


def write(folder, change=None):
    """Writes the results, with a change to the document."""
    write_results(folder, RESULTS)
    if change:
        document = json.loads((folder / "results.json").read_text())
        change(document)
        (folder / "results.json").write_text(json.dumps(document))


def put(path, value):
    """A change: this value at that path, of keys and numbers."""

    def change(document):
        *parents, last = path
        for key in parents:
            document = document[key]
        document[last] = value

    return change


def remove(*path):
    def change(document):
        *parents, last = path
        for key in parents:
            document = document[key]
        del document[last]

    return change


def test_what_is_written_is_read(tmp_path):
    write(tmp_path)
    assert read_results(tmp_path) == RESULTS
    assert json.loads((tmp_path / "results.json").read_text())["schema"] == results_file.SCHEMA == 2


@pytest.mark.parametrize("schema", [1, 3, "2", None])
def test_another_schema_is_refused_with_the_command(schema, tmp_path):
    write(tmp_path, put(["schema"], schema))
    with pytest.raises(UserError, match=f"has schema {schema!r}, and this version reads schema 2; .*{COMMAND}"):
        read_results(tmp_path)


def test_results_of_before_schemas_are_refused_with_the_command(tmp_path):
    write(tmp_path, remove("schema"))
    with pytest.raises(UserError, match=f"has schema None, .*{COMMAND}"):
        read_results(tmp_path)


def test_of_classical_baselines_the_command_is_theirs(tmp_path):
    def change(document):
        document["provenance"]["command"] = "launch/baselines.py --config=configs/sew.py --out=x"
        document["schema"] = 1

    write(tmp_path, change)
    with pytest.raises(UserError, match=r"python -m launch.baselines --config=configs/sew.py --out=x$"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (put(["name"], 3), "has name = 3, expected text"),
        (put(["monitor"], "ccc"), "has monitor = 'ccc', expected an object"),
        (put(["monitor", "goal"], None), "has monitor.goal = None, expected text"),
        (put(["trials"], {}), r"has trials = {}, expected a list"),
        (put(["trials", 1, "seed"], 0.5), r"has trials\[1\].seed = 0.5, expected a whole number"),
        (put(["trials", 0, "seed"], True), r"has trials\[0\].seed = True, expected a whole number"),
        (put(["trials", 0, "finite"], 1), r"has trials\[0\].finite = 1, expected true or false"),
        (put(["trials", 0, "stopped"], 1), r"has trials\[0\].stopped = 1, expected text"),
        (put(["trials", 0, "validation", "ccc"], "0.5"), r"validation.ccc = '0.5', expected a finite number"),
        (put(["trials", 0, "validation", "ccc"], True), r"validation.ccc = True, expected a finite number"),
        (put(["trials", 0, "validation"], []), r"has trials\[0\].validation = \[\], expected an object"),
        (put(["trials", 0, "epochs", "fit"], "3"), r"epochs.fit = '3', expected a whole number"),
        (put(["trials", 1, "classical"], 3), r"has trials\[1\].classical = 3, expected an object"),
        (put(["trials", 0, "epoch"], 3), r"has the unknown key 'trials\[0\].epoch'"),
        (put(["rows"], []), "has the unknown key 'rows'"),
        (put(["corpus", "synthetic"], "yes"), "has corpus.synthetic = 'yes', expected true or false"),
        (put(["corpus", "counts", "train", "steps"], None), "counts.train.steps = None, expected a whole number"),
        (put(["corpus", "labels", 0], 3), r"has corpus.labels\[0\] = 3, expected text"),
        (put(["variants", 0, "mean"], "high"), r"has variants\[0\].mean = 'high', expected a finite number"),
        (put(["variants", 0, "mean"], [0.5] * 90), r"has variants\[0\].mean = \[0.5, .*\.\.\., expected"),
        (put(["variants", 0, "mean"], 10**400), r"has variants\[0\].mean = 1000.*\.\.\., expected a finite number"),
        (put(["variants", 0, "std"], -0.1), r"has variants\[0\].std = -0.1, expected 0 or more"),
        (put(["trials"], []), "has no trials"),
        (put(["selected", 0, "candidates"], 3.0), r"has selected\[0\].candidates = 3.0, expected a whole number"),
        (put(["baselines", "validation"], None), "has baselines.validation = None, expected an object"),
        (remove("corpus"), "lacks 'corpus'"),
        (remove("trials", 0, "hyper"), r"lacks 'trials\[0\].hyper'"),
    ],
)
def test_a_wrong_value_is_one_sentence(change, sentence, tmp_path):
    write(tmp_path, change)
    with pytest.raises(UserError, match=sentence) as raised:
        read_results(tmp_path)
    text = str(raised.value)
    assert text.startswith(f"{tmp_path / 'results.json'} ")
    assert "\n" not in text
    assert "restore the file, or make it anew in another folder: python -m launch.main" in text


@pytest.mark.parametrize("text", ["[]", "3", "null", '"results"'])
def test_what_is_no_object_is_refused(text, tmp_path):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(UserError, match="expected the results of a run; train that run again"):
        read_results(tmp_path)


@pytest.mark.parametrize("text", ['{"schema": 2', "", '{"schema": 2, "name": NaN}'])
def test_what_is_no_json_is_one_sentence(text, tmp_path):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(UserError, match="results.json"):
        read_results(tmp_path)


def test_a_run_that_is_not_finished_is_told(tmp_path):
    with pytest.raises(UserError, match="has no results.json; name the folder of a finished run"):
        read_results(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="its run is not finished; the command that began it goes on"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (
            ["launch/main.py", "--config=c.py", "--workdir=old", "--config.search.grid={'a': 1}"],
            "main --config=c.py '--config.search.grid={'\"'\"'a'\"'\"': 1}' '--workdir=my runs/x'",
        ),
        (["launch/main.py", "--workdir", "old", "--config=c.py"], "main --config=c.py '--workdir=my runs/x'"),
        (["launch/baselines.py", "--config=c.py", "--out=old"], "baselines --config=c.py '--out=my runs/x'"),
        (["x"], "main --config=sew '--workdir=my runs/x'"),
        (["launch/main.py", "--config=c.py"], "main --config=c.py '--workdir=my runs/x'"),
    ],
)
def test_the_command_of_a_run_names_the_folder_where_it_is_now(words, command):
    provenance = dataclasses.replace(RESULTS.provenance, command=shlex.join(words))
    results = dataclasses.replace(RESULTS, provenance=provenance, config_arg="sew")
    assert results_file.describe_command(Path("my runs/x"), results) == f"python -m launch.{command}"
