import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from absl import flags

from affect_jax.datasets import cmu_mosi, iemocap, recola, sspnet_conflict
from affect_jax.datasets.describe_corpus import describe_recordings
from affect_jax.datasets.recordings import Fold, Recording, Recordings
from affect_jax.errors import UserError
from launch import prepare

MOSI = {"train_videos": 7, "test_videos": 3, "text": 5, "audio": 3, "video": 4}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw") / "cmu_mosi"
    cmu_mosi.synthesize(folder, **MOSI)
    return folder


@pytest.fixture
def run(monkeypatch, tmp_path):
    def main(*arguments):
        values = flags.FlagValues()
        prepare.define_flags(values)
        monkeypatch.setattr(prepare, "FLAGS", values)
        prepare.main(values(["prepare", *arguments]))

    return main


def test_prints_what_it_found(run, release, tmp_path, capsys):
    run("--corpus=cmu_mosi", f"--manual_dir={release}", f"--data_dir={tmp_path}")
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    result = cmu_mosi.load({"manual_dir": str(release), "data_dir": str(tmp_path)})
    steps = sum(len(r.steps) for r in result.splits["train"])
    assert lines["corpus"] == "cmu_mosi poria (synthetic: made by a generator, not by people)"
    assert lines["train"].startswith(f"7 recordings of 7 groups, {steps} steps, ")
    assert "majority" in lines["test"]
    assert lines["features"] == "audio 3, text 5, video 4"
    assert lines["draw_4"].startswith("holds out 1 training recordings")
    assert lines["missing"] == "none"
    assert lines["fingerprint"] == result.fingerprint


def test_counts_missing_values(run, tmp_path, capsys):
    raw = tmp_path / "recola"
    recola.synthesize(raw, recordings=1, frames=6, audio=2, video_geometric=1, video_appearance=1)
    path = raw / "features_audio" / "valence" / "dev_1.arff"
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("0.08,"))
    lines[at] = "0.08,?," + lines[at].rpartition(",")[2]
    path.write_text("\n".join(lines))
    common = ("--corpus=recola", f"--manual_dir={raw}", f"--data_dir={tmp_path / 'data'}", "--target=valence")
    with pytest.raises(
        UserError, match=r"dev_1.arff column f0 at 0.08 s; correct the file, or set config.corpus.nonfinite"
    ):
        run(*common)
    run(*common, "--nonfinite=mean")
    out = capsys.readouterr().out
    assert "missing      1 values in 1 columns, replaced by mean, the first in" in out
    assert "test         1 recording of 1 group, 6 steps, 6 each; no labels" in out


def test_describes_waveforms(run, tmp_path, capsys):
    raw = tmp_path / "raw"
    sspnet_conflict.synthesize(raw, train=3, validation=1, test=1, seconds=2)
    common = ("--corpus=sspnet_conflict", f"--manual_dir={raw}", f"--data_dir={tmp_path / 'data'}")
    run(*common, "--rate=16000")
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["corpus"] == "sspnet_conflict speech (synthetic: made by a generator, not by people)"
    assert lines["train"].startswith("3 recordings of 1 group; conflict -1.000 to ")
    assert lines["features"] == "speech (waveforms of 2.00 s at 16000 Hz, 0.00 h in all)"
    assert lines["missing"] == "none"
    assert not {"zero", "note"} & set(lines)
    path = next((raw / "audiodata").iterdir())
    soundfile.write(path, np.sign(np.sin(np.arange(96000) / 50)), 48000)
    run(*common)
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["note"].startswith("1 clip with more than 1 % of the samples at full scale, the first is ")
    assert "at 8000 Hz" in lines["features"]
    with pytest.raises(UserError, match="leave them out, or set config.corpus.clipped to 'note'"):
        run(*common, "--clipped=refuse")


def test_describes_folds_and_modalities_of_their_own_length():
    def clip(number):
        features = {
            "speech": np.zeros(400 + number, np.int16),
            "mfcc": np.zeros((3 + number, 2), np.float32),
            "face": np.ones((1, 5), np.float32),
        }
        name = f"clip_{number}"
        return Recording(name, f"actor_{number % 3}", (name,), features, {"emotion": np.float32([number % 2])})

    fold = Fold(validation=("clip_1", "clip_4"), test=("clip_0", "clip_3"))
    result = Recordings("c", "v", False, {"train": [clip(n) for n in range(6)]}, {}, {"fold_0": fold}, "")
    lines = dict(line.split(None, 1) for line in describe_recordings(result))
    assert lines["corpus"] == "c v"
    assert lines["train"] == "6 recordings of 3 groups; emotion 0: 3, 1: 3 (majority 50.0 %)"
    assert lines["features"] == "speech (waveforms of 400 to 405 samples), mfcc 2 (3 to 8 rows each), face 5"
    assert lines["zero"] == f"rows    mfcc {sum(range(3, 9))} (kept as they are)"
    assert lines["fold_0"] == (
        "scored on 2 recordings of actor_0; selected by 2 recordings of actor_1; trained on the other 2"
    )


def test_names_the_classes_and_what_was_left_out(run, tmp_path, capsys):
    small = {"sessions": 3, "utterances": 12, "text": 6, "video": 6, "audio": 8, "width": 2}
    iemocap.synthesize(tmp_path / "raw", form="release", **small)
    where = (f"--manual_dir={tmp_path / 'raw'}", f"--data_dir={tmp_path / 'data'}")
    (tmp_path / "raw" / "glove.txt").rename(tmp_path / "vectors.txt")
    run("--corpus=iemocap", "--form=release", "--modalities=text,video", f"--glove={tmp_path / 'vectors.txt'}", *where)
    out = capsys.readouterr().out
    lines = dict(line.split(None, 1) for line in out.splitlines())
    assert lines["corpus"] == "iemocap release text+video (synthetic: made by a generator, not by people)"
    assert lines["train"].startswith("72 recordings of 6 groups; emotion7 angry: 12, excited: 9, happy: 6, ")
    assert lines["session1"].startswith(
        "scored on 24 recordings of Ses01F, Ses01M; selected by 24 recordings of Ses02F"
    )
    assert "have no vector in vectors.txt: zeros; most often um" in out
    assert "IEMOCAP has 7487 utterances of emotion7: angry 1103" in out


def test_writes_a_corpus_in_the_form_that_is_asked_for(run, tmp_path, capsys):
    run("--corpus=iemocap", "--form=release", f"--synthetic_out={tmp_path / 'out'}")
    assert (tmp_path / "out" / "Session5").is_dir()
    assert capsys.readouterr().out.endswith(f"--manual_dir={tmp_path / 'out'} --form=release\n")
    with pytest.raises(UserError, match="leave out --form"):
        run("--corpus=recola", "--form=native", f"--synthetic_out={tmp_path / 'b'}")


def test_writes_a_synthetic_release(run, tmp_path, capsys):
    run("--corpus=cmu_mosi", f"--synthetic_out={tmp_path / 'out'}")
    assert (tmp_path / "out" / "synthetic.json").is_file()
    assert f"--manual_dir={tmp_path / 'out'}" in capsys.readouterr().out
    with pytest.raises(UserError, match="exists already"):
        run("--corpus=cmu_mosi", f"--synthetic_out={tmp_path / 'out'}")
    with pytest.raises(UserError, match="leave out --nonfinite"):
        run("--corpus=cmu_mosi", f"--synthetic_out={tmp_path / 'b'}", "--nonfinite=zero")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corpus=recla"], r"--corpus is 'recla' \(did you mean 'recola'\?\); choose arrays, cmu_mosi, "),
        (["--corpus=recola", "--labels=class7"], "--labels is not a setting of recola"),
        (["--corpus=recola", "more"], "'more' is not a flag"),
    ],
)
def test_refuses(run, arguments, message):
    with pytest.raises(UserError, match=message):
        run(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--corpus=cmu_mosi", "--manual_dir=/nowhere/at/all"],
            "config.corpus.manual_dir /nowhere/at/all is not a folder",
        ),
        (["--corpsu=cmu_mosi"], "no flag --corpsu (did you mean --corpus?)"),
    ],
)
def test_status_2_and_one_line(repo_root, arguments, message):
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    done = subprocess.run(
        [sys.executable, "-m", "launch.prepare", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=repo_root,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_help_imports_nothing_heavy(repo_root):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "launch.prepare", "--help"],
        capture_output=True,
        text=True,
        cwd=repo_root,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "--manual_dir" in done.stdout
    assert "absl" in imported
    assert not imported & {"jax", "numpy", "scipy", "tensorflow_datasets", "librosa"}
