import json
import shutil

import numpy as np
import pytest

from affect_jax.data import splits
from affect_jax.datasets import iemocap
from affect_jax.datasets.settings import resolve_settings
from affect_jax.errors import UserError
from configs import fusion


def test_the_config_is_the_package_s_default():
    made = splits.corpus_settings(fusion.get_config())
    assert resolve_settings(made, iemocap.Settings) == iemocap.Settings()
    assert made["synthetic"] == iemocap.DEFAULTS["synthetic"]


def test_built_once_and_again_when_a_file_changed(amh_copy, tmp_path, read):
    first = read(amh_copy, "precomputed", "video", "prosody")
    records = next((tmp_path / "data").rglob("*.array_record*"))
    stamp = records.stat().st_mtime_ns
    assert read(amh_copy, "precomputed", "prosody", "video").fingerprint == first.fingerprint
    assert records.stat().st_mtime_ns == stamp
    path = next(amh_copy.rglob("fold01/train_audio_prosody.npy"))
    np.save(path, np.load(path) + 1)
    assert read(amh_copy, "precomputed", "video", "prosody").fingerprint != first.fingerprint


@pytest.mark.parametrize("form", ["precomputed", "release"])
def test_stored_in_chunks(amh_raw, release_raw, read, monkeypatch, tmp_path, form):
    folder = amh_raw if form == "precomputed" else release_raw
    whole = read(folder, form, "text", "video")
    assert len(list((tmp_path / "data").rglob("*.array_record*"))) == 1
    shutil.rmtree(tmp_path / "data")
    monkeypatch.setattr(iemocap.builder, "CHUNK", 7)
    assert read(folder, form, "text", "video").fingerprint == whole.fingerprint
    assert len(list((tmp_path / "data").rglob("*.array_record*"))) == -(-len(whole.splits["train"]) // 7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"form": "relese"}, r"form is 'relese' \(did you mean 'release'\?\); choose precomputed, release"),
        ({"labels": "emotion5"}, "labels is 'emotion5'.*; choose emotion7, emotion6, emotion4"),
        ({"modalities": ("text", "face")}, "with 'face'; choose text, video, audio, prosody"),
        ({"modalities": ()}, r"modalities is \(\); name one or more of"),
        ({"modalities": ("text", "text")}, "each once"),
        ({"form": "release"}, "has 'prosody', which only the form 'precomputed' has"),
        ({"glove": "/nowhere"}, "config.corpus.glove is for the form 'release' only"),
        ({"form": "release", "modalities": ("text",), "glove": "/no"}, "config.corpus.glove /no does not exist"),
        ({"form": "release", "modalities": ("video",), "video_features": "/no"}, "video_features /no does not exist"),
        ({"form": "release", "modalities": ("text",)}, "synthetic corpus of the form 'precomputed', but .* 'release'"),
        ({"manual_dir": "/nowhere"}, "/nowhere is not a folder; give the folder that holds seven_category_120"),
        ({"manual_dir": "/nowhere", "form": "release", "modalities": ("text",)}, "the folder that holds Session1"),
        ({"synthetic": {"utterances": 3}}, "has 3 utterances a speaker, too few"),
    ],
)
def test_refused_settings(amh_raw, tmp_path, settings, message):
    folder = {} if "synthetic" in settings else {"manual_dir": str(amh_raw)}
    with pytest.raises(UserError, match=message):
        iemocap.load({**folder, "data_dir": str(tmp_path), **settings})


@pytest.mark.parametrize(("form", "other"), [("precomputed", "release"), ("release", "precomputed")])
def test_the_other_form_is_recognised(amh_copy, release_copy, read, form, other):
    folder = release_copy if form == "precomputed" else amh_copy
    (folder / "synthetic.json").unlink()
    with pytest.raises(UserError, match=f"set config.corpus.form to '{other}'"):
        read(folder, form, "text")


@pytest.mark.parametrize(
    "sizes", [None, [], {"form": "precomputed"}, {"form": "precomputed", "counts": {}, "sessions": "3", "video": 3}]
)
def test_damaged_marker(amh_copy, read, sizes):
    (amh_copy / "synthetic.json").write_text(json.dumps({"corpus": "iemocap", "sizes": sizes}))
    with pytest.raises(UserError, match="the sizes in .*synthetic.json are not what the generator writes"):
        read(amh_copy, "precomputed", "text")
