"""From files to recordings: the same arrays, in every layout, built once."""

import numpy as np
import pytest
import soundfile

from affect_jax.datasets import manifest, missing_values
from affect_jax.datasets.manifest.synthetic_steps import synthesize_steps
from affect_jax.errors import UserError
from affect_jax.features import audio, sound_files
from tests.datasets.manifest.conftest import RATE, WIDTH


def everyone(result):
    return {r.id: r for part in result.splits.values() for r in part}


def test_every_format_gives_its_arrays_back(corpus):
    for name in ("npy", "npz", "csv", "arff", "plain", "vector"):
        corpus.column(name)
    corpus.sound("flac").write()
    settings = corpus.settings(sound="waveform")
    described = manifest.describe(settings)
    assert not (corpus.folder / "data" / "built").exists()
    result = manifest.load(settings)
    assert list(result.splits) == ["train"]
    assert (result.corpus, result.form, result.labels) == ("manifest", "label", ("calm", "loud"))
    assert not result.synthetic
    for row, recording in zip(corpus.rows, result.splits["train"], strict=True):
        assert (recording.id, recording.group, recording.steps) == (row["id"], row["group"], (row["id"],))
        assert list(recording.features) == list(described.modalities)
        for name, values in recording.features.items():
            np.testing.assert_array_equal(values, corpus.arrays[row["id"], name])
            assert values.dtype == (np.int16 if name == "voice" else np.float32)
        np.testing.assert_array_equal(recording.targets["label"], [["calm", "loud"].index(row["label"])])


def test_describe_says_what_load_gives(corpus):
    corpus.column("npy").column("vector").sound().write()
    for sound, layout in (("mfcc", "item"), ("waveform", "item"), ("mfcc", "group")):
        settings = corpus.settings(sound=sound, layout=layout)
        described, result = manifest.describe(settings), manifest.load(settings)
        assert (described.split_column, described.items, described.groups) == ("", 12, 6)
        assert described.labels["label"] == manifest.Label("label", "class", ("calm", "loud"), False)
        for name, column in described.modalities.items():
            values = [recording.features[name] for recording in result.splits["train"]]
            assert column.name == name
            assert column.longest == max(map(len, values))
            assert {column.width} == {x.shape[1] if x.ndim > 1 else 1 for x in values}
            assert column.kind == ("waveform" if values[0].ndim == 1 else "features")


def test_recordings_become_mfcc_at_one_rate(corpus):
    corpus.sound().write()
    louder = corpus.folder / corpus.rows[0]["voice"]
    soundfile.write(louder, np.sin(np.arange(3200) / 9), 2 * RATE, subtype="PCM_16")
    result = everyone(manifest.load(corpus.settings()))
    samples = sound_files.read_audio(louder, rate=RATE)
    np.testing.assert_array_equal(result["i0"].features["voice"], audio.compute_mfcc(samples, RATE))
    assert result["i1"].features["voice"].shape == (11, 120)


def test_an_empty_cell_is_a_missing_modality(corpus):
    corpus.column("npy", items={0, 5, 6}).column("csv").write()
    result = everyone(manifest.load(corpus.settings()))
    assert [name for name, recording in result.items() if "npy" in recording.features] == ["i0", "i5", "i6"]
    assert all("csv" in recording.features for recording in result.values())
    np.testing.assert_array_equal(result["i6"].features["npy"], corpus.arrays["i6", "npy"])


def test_only_the_modalities_that_are_asked_for(corpus):
    corpus.column("npy").column("csv")
    for row in corpus.rows:
        row["notes"] = "sun and rain"
    corpus.write()
    settings = corpus.settings(modalities=("csv",))
    assert list(manifest.describe(settings).modalities) == ["csv"]
    assert list(everyone(manifest.load(settings))["i3"].features) == ["csv"]
    with pytest.raises(UserError, match=r"no column 'cvs' \(did you mean 'csv'\?\)"):
        manifest.load(corpus.settings(modalities=("cvs",)))


def test_built_once_and_again_when_a_file_changed(corpus):
    corpus.column("npy").column("csv").write()
    first = manifest.load(corpus.settings())
    records = next((corpus.folder / "data").rglob("*.array_record*"))
    stamp = records.stat().st_mtime_ns
    # Labels, groups and folds are read from the csv file itself.
    corpus.write([{**row, "label": row["label"].upper()} for row in corpus.rows])
    relabelled = manifest.load(corpus.settings(seed=1))
    assert relabelled.labels == ("CALM", "LOUD")
    assert records.stat().st_mtime_ns == stamp
    np.save(corpus.folder / "npy" / "i3.npy", np.zeros((9, WIDTH), np.float32))
    changed = manifest.load(corpus.settings())
    assert changed.fingerprint != first.fingerprint
    assert manifest.describe(corpus.settings()).modalities["npy"].longest == 9
    np.testing.assert_array_equal(everyone(changed)["i3"].features["npy"], np.zeros((9, WIDTH)))
    np.testing.assert_array_equal(everyone(changed)["i4"].features["npy"], corpus.arrays["i4", "npy"])


def test_nan_is_refused_or_replaced(corpus):
    corpus.column("npy").column("vector").write()
    path = corpus.folder / "npy" / "i2.npy"
    values = np.load(path)
    values[1, 2] = np.nan
    np.save(path, values)
    with pytest.raises(
        UserError, match=r"corpus.csv row 4: column 'npy': .*i2.npy has 1 missing, NaN or infinite values, the"
    ):
        manifest.describe(corpus.settings())
    for policy, expected in (("zero", 0.0), ("mean", values[[0, *range(2, len(values))], 2].mean())):
        result, gaps = manifest.inspect(corpus.settings(nonfinite=policy))
        assert gaps == missing_values.MissingValues(1, 1, f"{path} frame 1 column 2 (from 0)")
        np.testing.assert_allclose(everyone(result)["i2"].features["npy"][1, 2], expected, rtol=1e-6)


def test_labels_per_step_bring_every_modality_to_their_clock(corpus):
    corpus.column("npy", frames=8).column("vector")
    for number, row in enumerate(corpus.rows):
        row["label:arousal"] = f"{row['id']}.npy"
        np.save(corpus.folder / f"{row['id']}.npy", np.linspace(-1, 1, 4 + number % 3 // 2))
    corpus.write()
    result = manifest.load(corpus.settings(target="arousal", layout="steps"))
    described = manifest.describe(corpus.settings(target="arousal", layout="steps"))
    assert described.labels["arousal"] == manifest.Label("arousal", "number", (), True)
    assert described.modalities["npy"] == manifest.Column("npy", "features", WIDTH, 5)
    recording = everyone(result)["i0"]
    np.testing.assert_allclose(recording.targets["arousal"], np.linspace(-1, 1, 4), rtol=1e-6)
    assert recording.steps == ("i0@0", "i0@1", "i0@2", "i0@3")
    # Step t of 4 shows frame int((t + 0.5) / 4 * 8).
    np.testing.assert_array_equal(recording.features["npy"], corpus.arrays["i0", "npy"][[1, 3, 5, 7]])
    np.testing.assert_array_equal(recording.features["vector"], np.repeat(corpus.arrays["i0", "vector"], 4, axis=0))


def test_a_group_is_a_recording_of_its_items(corpus):
    corpus.column("npy").column("vector").write()
    result = everyone(manifest.load(corpus.settings(layout="group")))
    assert list(result) == [f"g{n}" for n in range(6)]
    recording = result["g1"]
    assert (recording.group, recording.steps) == ("g1", ("i1", "i7"))
    np.testing.assert_array_equal(recording.targets["label"], [0, 1])
    for at, item in enumerate(("i1", "i7")):
        frames = corpus.arrays[item, "npy"]
        expected = np.concatenate([frames.mean(0), frames.std(0)])
        np.testing.assert_allclose(recording.features["npy"][at], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(recording.features["vector"][at], corpus.arrays[item, "vector"][0])


def test_a_synthetic_manifest_says_so(tmp_path):
    manifest.synthesize(tmp_path / "made", speakers=5, items=3)
    settings = {"manifest": str(tmp_path / "made" / "manifest.csv"), "data_dir": str(tmp_path)}
    settings["modalities"] = ("face", "words")
    result = manifest.load({**settings, "target": "valence"})
    assert result.synthetic
    assert result.form == "valence"
    assert result.labels == ()
    ids = [{one.id for one in manifest.load({**settings, "modalities": m}).splits["train"]} for m in ((), ("face",))]
    assert "speaker2_3" in ids[0] - ids[1], "an item without the modalities that are read is left out"
    with pytest.raises(UserError, match="give 3 or more of both"):
        manifest.synthesize(tmp_path / "other", speakers=2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layout": "row"}, "config.corpus.layout is 'row'.*; choose item, steps, group"),
        ({"sound": "mfc"}, r"config.corpus.sound is 'mfc' \(did you mean 'mfcc'\?\)"),
        ({"rate": 4000}, "config.corpus.rate is 4000 Hz, expected 8000 or more for config.corpus.sound='mfcc'"),
        ({"target": "lable"}, r"config.corpus.target is 'lable' \(did you mean 'label'\?\)"),
        ({"nonfinite": "drop"}, "config.corpus.nonfinite is 'drop'"),
        ({"manifest": ""}, "config.corpus.manifest is not set; name the csv file"),
        ({"manifest": "/nowhere/corpus.csv"}, "/nowhere/corpus.csv is not a file; set config.corpus.manifest"),
        ({"folds": 9}, r"has 6 groups \(g0, .*\) and config.corpus.folds is 9"),
    ],
)
def test_settings_that_cannot_be(corpus, settings, message):
    corpus.column("vector").write()
    with pytest.raises(UserError, match=message):
        manifest.describe(corpus.settings(**settings))


def test_layouts_that_do_not_fit(corpus):
    corpus.column("vector", items=range(11)).sound().write()
    with pytest.raises(UserError, match="row 13: item 'i11' has no 'vector', which only the layout 'item' allows"):
        manifest.describe(corpus.settings(layout="group"))
    with pytest.raises(UserError, match="column 'voice' has waveforms, which the layout 'group' cannot take"):
        manifest.describe(corpus.settings(layout="group", sound="waveform"))
    with pytest.raises(UserError, match="layout is 'steps', but label 'label' has one label per item"):
        manifest.describe(corpus.settings(layout="steps"))


def test_files_are_measured_once(corpus, monkeypatch):
    corpus.column("npy").column("csv").write()
    read = []
    measure = manifest.measurements.measure_file
    monkeypatch.setattr(
        manifest.measurements, "measure_file", lambda path, *rest: read.append(path.name) or measure(path, *rest)
    )
    manifest.describe(corpus.settings(modalities=("npy",)))
    manifest.describe(corpus.settings(modalities=("csv",)))
    assert len(read) == 24
    manifest.describe(corpus.settings())
    assert len(read) == 24
    np.save(corpus.folder / "npy" / "i3.npy", np.zeros((9, WIDTH), np.float32))
    manifest.describe(corpus.settings())
    assert read[24:] == ["i3.npy"]
    cache = next((corpus.folder / "data" / "manifest").iterdir())
    cache.write_text(cache.read_text()[:-9])
    manifest.describe(corpus.settings())
    assert len(read) == 25 + 24


def test_synthetic_long_recordings_have_a_clock_and_a_slow_state(tmp_path):
    synthesize_steps(tmp_path / "long", recordings=6, steps=60)
    settings = {
        "manifest": str(tmp_path / "long" / "manifest.csv"),
        "data_dir": str(tmp_path),
        "layout": "steps",
        "folds": 3,
    }
    description = manifest.describe(settings)
    assert description.rate == 10.0
    assert len(description.steps) == 6
    assert 48 <= min(description.steps) <= max(description.steps) <= 60
    recordings = manifest.load(settings).splits["train"]
    targets = [r.targets["arousal"] for r in recordings]
    assert np.mean([np.corrcoef(y[1:], y[:-1])[0, 1] for y in targets]) > 0.8
    with pytest.raises(UserError, match="give 6 or more of 10"):
        synthesize_steps(tmp_path / "few", recordings=3)
    with pytest.raises(UserError, match="layout 'group'; choose item or steps"):
        manifest.synthesize(tmp_path / "group", layout="group")
