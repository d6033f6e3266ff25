"""launch.prepare on a manifest: what it prints before it builds, and twelve faults in twelve lines."""

import numpy as np
import pytest
import soundfile
from absl import flags

from affect_jax.datasets import build
from affect_jax.errors import UserError
from launch import prepare
from tests.launch.starting import call_program


def write(folder, rows):
    (folder / "my.csv").write_text("\n".join(rows) + "\n")
    return f"--manifest={folder / 'my.csv'}", f"--data_dir={folder / 'data'}", "--corpus=manifest"


@pytest.fixture
def run(monkeypatch):
    def main(*arguments):
        values = flags.FlagValues()
        prepare.define_flags(values)
        monkeypatch.setattr(prepare, "FLAGS", values)
        prepare.main(values(["prepare", *arguments]))

    return main


def test_tells_what_there_is_before_it_builds(run, tmp_path, capsys, monkeypatch):
    for n in range(8):
        np.save(tmp_path / f"f{n}.npy", np.full((n + 1, 3), n, np.float32))
        soundfile.write(tmp_path / f"v{n}.wav", np.sin(np.arange(800 * (n + 1))) / 2, 8000, subtype="PCM_16")
    rows = ["id,split,group,label:mood,label:age,face,voice,notes"]
    for n in range(8):
        split, mood = "train" if n < 6 else "test", ("calm", "loud")[n % 2]
        rows.append(f"i{n},{split},g{n // 2},{mood},{n % 3},{'' if n == 1 else f'f{n}.npy'},v{n}.wav,dry")
    values = np.load(tmp_path / "f2.npy")
    values[1, 1] = np.nan
    np.save(tmp_path / "f2.npy", values)
    arguments = write(tmp_path, rows)
    more = ("--modalities=face,voice", "--sound=waveform", "--nonfinite=zero", "--folds=3")
    run(*arguments, *more)
    out = capsys.readouterr().out.splitlines()
    assert out[:9] == [
        f"manifest     {tmp_path / 'my.csv'}: 8 items of 4 groups, 2 items each",
        "face         7 files of 3 features; frames 1 / 5 / 8 (least / median / most)",
        "voice        8 recordings at 8000 Hz (8 files), read at 8000 Hz as waveform; seconds 0.10 / 0.45 / 0.80 (least"
        " / median / most), 0.00 h in all",
        "label        mood: 2 classes: calm 4, loud 4 (majority 50.0 %)",
        "label        age: numbers, 0.000 to 2.000, mean 0.875, sd 0.781 (only 0, 1, 2: if these are classes, set"
        " config.corpus.classes)",
        "absent       face in 1 of 8 items",
        "not finite   1 values in 1 files, the first in row 4, face frame 1 column 1 (from 0); replaced by"
        " config.corpus.nonfinite='zero'",
        "not read     notes",
        "splits       of the column split: train 6, test 2; 3 validation draws from train, drawn with seed 0; no group"
        " is in two of them",
    ]
    lines = dict(line.split(None, 1) for line in out[9:])
    assert lines["corpus"] == "manifest mood"
    assert lines["test"] == "2 recordings of 1 group; mood calm: 1, loud: 1 (majority 50.0 %)"
    assert (
        lines["features"] == "face 3 (1 to 8 rows each), voice (waveforms of 0.10 to 0.80 s at 8000 Hz, 0.00 h in all)"
    )
    assert lines["draw_1"].startswith("holds out 2 training recordings")
    assert len(lines["fingerprint"]) == 64

    def never(*_, **__):
        raise UserError("the disk is full")

    monkeypatch.setattr(build, "build_once", never)
    with pytest.raises(UserError, match="the disk is full"):
        run(*arguments, *more)
    assert capsys.readouterr().out.splitlines() == out[:9]


def test_twelve_faults_give_twelve_lines_and_status_2(tmp_path):
    for n in range(14):
        np.save(tmp_path / f"f{n}.npy", np.full((4, 3), n, np.float32))
        soundfile.write(tmp_path / f"v{n}.wav", np.sin(np.arange(800)) / 2, 8000, subtype="PCM_16")
    np.save(tmp_path / "wide.npy", np.zeros((4, 5), np.float32))
    np.save(tmp_path / "nan.npy", np.full((4, 3), np.nan, np.float32))
    soundfile.write(tmp_path / "silent.wav", np.zeros(800), 8000, subtype="PCM_16")
    (tmp_path / "cut.wav").write_bytes((tmp_path / "v0.wav").read_bytes()[:900])
    (tmp_path / "pickled.npy").write_bytes(b"\x80\x04}.")
    faults = {
        2: ("a,train,g1,calm,f0.npy,v0.wav", ""),
        3: ("b,train,g1,loud,f1.npy,v1.wav", ""),
        4: ("a,train,g1,loud,f2.npy,v2.wav", "has the id 'a' of row 2"),
        5: (",train,g1,loud,f3.npy,v3.wav", "has no id"),
        6: ("c,train,g1,,f4.npy,v4.wav", "has no label 'label'"),
        7: ("d,trian,g2,loud,f5.npy,v5.wav", "has the split 'trian' (did you mean 'train'?)"),
        8: ("e,test,g1,loud,f6.npy,v6.wav", "group 'g1' is in split 'test' here and in 'train' in row 2"),
        9: ("f,train,g3,loud,gone.npy,v7.wav", "gone.npy is missing"),
        10: ("g,train,g3,loud,f8.npy,cut.wav", "cut.wav is cut short"),
        11: ("h,train,g3,loud,wide.npy,v9.wav", "wide.npy has 5 columns of features, but 11 other files have 3"),
        12: ("i,train,g3,calm,nan.npy,v10.wav", "nan.npy has 12 missing, NaN or infinite values, the first in frame 0"),
        13: ("j,train,g3,calm,f11.npy,silent.wav", "silent.wav is silent throughout"),
        14: ("k,train,g3,calm,v12.wav,v12.wav", "column 'face' has 'v12.wav', but 13 other rows have features there"),
        15: ("l,train,g3,7,f13.npy,v13.wav", "label 'label' is '7', a number, but most have classes"),
    }  # fmt: skip
    arguments = write(tmp_path, ["id,split,group,label,face,voice", *(row for row, _ in faults.values())])
    done = call_program("prepare", *arguments, "--folds=2")
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.removeprefix("error: ").splitlines()
    wanted = {row: words for row, (_, words) in faults.items() if words}
    assert len(lines) == len(wanted) == 12
    for line, (row, words) in zip(lines, wanted.items(), strict=True):
        assert line.startswith(f"{tmp_path / 'my.csv'} row {row}: ")
        assert words in line
        assert 20 < len(line) < 400


def test_a_manifest_is_a_corpus_and_nothing_is_none(run, tmp_path):
    with pytest.raises(UserError, match="none.csv is not a file"):
        run(f"--manifest={tmp_path / 'none.csv'}")
    with pytest.raises(UserError, match=r"--corpus is missing; .*your own csv: --manifest=FILE.csv"):
        run("--folds=3")
