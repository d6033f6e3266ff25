"""Every extra that is not installed is one sentence with the pip command, from the programs that need it."""

import sys

import pytest

from affect_jax.datasets import clip_features, ravdess
from affect_jax.errors import UserError
from affect_jax.features import egemaps, faces
from tests.extraction.small_encoders import write_encoder
from tests.launch.starting import call_program

MFCC, HOG, LLAMA = "voice=clip:mfcc", "face=clip:hog", "words=said:wordllama"
NEEDS = [
    ("opensmile", "voice=clip:egemaps", "opensmile"),
    ("av", MFCC, "video"),
    ("av", HOG, "video"),
    ("av", "auto", "video"),
    ("dlib", "face=clip:faces+hog", "faces"),
    ("dlib", "face=clip:faces:FILE+hog", "faces"),
    ("dlib", "face=clip:landmarks:FILE", "faces"),
    ("onnxruntime", "voice=clip:onnx:FILE", "onnx"),
    ("wordllama", LLAMA, "words"),
    ("tokenizers", LLAMA, "words"),
    ("tokenizers", "words=said:BERT", "words"),
]
"""Package, --features, extra."""
OTHERS = {"av": "PyAV", "opensmile": "openSMILE"}
"""Names that people know."""


@pytest.fixture
def hide(monkeypatch):
    """Hides a package, as if it were not installed."""

    def call(name):
        monkeypatch.setitem(sys.modules, name, None)
        for remembers in (egemaps._load_opensmile, faces._get_detector):
            remembers.cache_clear()

    return call


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A manifest of three clips, which nobody can read, and an encoder of words."""
    folder = tmp_path_factory.mktemp("own")
    for name in "abc":
        (folder / f"{name}.mp4").write_bytes(b"a film")
    rows = [f"{name},{mood},{name}.mp4,so many words" for name, mood in zip("abc", ("x", "y", "x"), strict=True)]
    (folder / "my.csv").write_text("\n".join(["id,label,clip,said", *rows]) + "\n")
    write_encoder("bert", folder / "bert")
    return folder


def check(error, package, extra):
    """One line, which names the package and has the command."""
    assert len(error.splitlines()) == 1
    assert f"pip install 'affect-jax[{extra}]'" in error
    assert OTHERS.get(package, package) in error
    assert "not installed" in error


@pytest.mark.parametrize(("package", "features", "extra"), NEEDS)
def test_features_of_own_clips(hide, own, tmp_path, package, features, extra):
    hide(package)
    features = features.replace("BERT", str(own / "bert"))
    done = call_program(
        "prepare", f"--manifest={own / 'my.csv'}", f"--features={features}", f"--features_out={tmp_path}"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    check(done.stderr, package, extra)


@pytest.mark.parametrize(("package", "features", "extra"), [need for need in NEEDS if need[1] != "auto"])
def test_settings_of_a_corpus_of_clips(hide, own, tmp_path, package, features, extra):
    """What `config.corpus.video_features` and its like ask for, in launch.prepare and launch.main."""
    hide(package)
    modality, _, rest = features.partition("=")
    column, _, name = rest.replace("BERT", str(own / "bert")).partition(":")
    content = "so many words" if column == "said" else str(own / "a.mp4")
    clips = [clip_features.Clip("a", content), clip_features.Clip("b", content)]
    with pytest.raises(UserError) as error:
        clip_features.extract_clips(modality, name, clips, tmp_path, kinds=("sound", "words", "pictures"), rate=3.0)
    check(str(error.value), package, extra)
    assert "--features" not in str(error.value)


def test_synthetic_films(hide, tmp_path):
    hide("av")
    with pytest.raises(UserError) as error:
        ravdess.synthesize(tmp_path / "films", form="video", actors=3, statements=1, rate=8000)
    check(str(error.value), "av", "video")


def test_words_without_wordllama_by_kind_of_file(hide, own, tmp_path):
    hide("wordllama")
    (tmp_path / "my.csv").write_text("id,label,said\na,x,so many words\nb,y,some others\n")
    done = call_program("prepare", f"--manifest={tmp_path / 'my.csv'}", "--features=auto")
    check(done.stderr, "wordllama", "words")
    assert "words=said:glove:FILE" in done.stderr


def test_recordings_as_egemaps_or_in_other_containers(hide, tmp_path):
    clips = pytest.importorskip("tests.extraction.clips")
    clips.write_clip(tmp_path / "a.m4a", seconds=1)
    clips.write_clip(tmp_path / "b.m4a", seconds=0.5)
    (tmp_path / "my.csv").write_text("id,label,voice\na,x,a.m4a\nb,y,b.m4a\n")
    hide("av")
    hide("opensmile")
    own = f"--manifest={tmp_path / 'my.csv'}"
    done = call_program("prepare", own, "--sound=egemaps", f"--data_dir={tmp_path / 'data'}")
    check(done.stderr, "opensmile", "opensmile")
    done = call_program("prepare", own, f"--features_out={tmp_path / 'out'}", "--features=voice=voice:mfcc")
    assert done.returncode == 2
    for line, name in zip(done.stderr.splitlines(), ("a.m4a", "b.m4a"), strict=True):  # these alone need it
        assert (
            f"{name} is an MP4 (m4a, mp4, mov, 3gp) file, which needs PyAV: pip install 'affect-jax[video]', or convert"
            in line
        )


def test_points_of_faces(hide, own, tmp_path):
    hide("face_recognition_models")
    done = call_program("prepare", f"--manifest={own / 'my.csv'}", "--features=face=clip:landmarks")
    assert "pip install face_recognition_models (126 MB" in done.stderr
    assert "or name it, as in landmarks:shape_predictor_68_face_landmarks.dat" in done.stderr


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_names_on_the_hub(hide, own, tmp_path, monkeypatch):
    hide("huggingface_hub")
    command = "pip install huggingface_hub; hf download some/model --local-dir DIR"
    done = call_program("prepare", f"--manifest={own / 'my.csv'}", "--features=voice=clip:some/model")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert command in done.stderr
    weights = "--config.model.encoder.weights=some/model"
    done = call_program("main", "--config=configs/speech_emotion.py:wav2vec2", weights, f"--workdir={tmp_path / 'run'}")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert command in done.stderr


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
def test_word_pieces_of_a_model_that_is_trained(hide, own, tmp_path):
    hide("tokenizers")
    (tmp_path / "my.csv").write_text(
        "id,group,label,said\n" + "".join(f"{n},{n},{'xy'[n % 2]},a b\n" for n in range(12))
    )
    corpus = [f"--config.corpus.manifest={tmp_path / 'my.csv'}", f"--config.corpus.data_dir={tmp_path / 'data'}"]
    weights = f"--config.model.encoder.weights={own / 'bert'}"
    done = call_program("main", "--config=configs/sentiment.py", *corpus, weights, f"--workdir={tmp_path / 'run'}")
    assert done.returncode == 2
    check(done.stderr, "tokenizers", "words")
