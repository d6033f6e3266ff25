"""Settings of every corpus: types, ranges, what None means, and all problems in one error."""

import dataclasses
import inspect
import subprocess
import sys

import ml_collections
import pytest

from affect_jax.datasets import cmu_mosi, iemocap, manifest, planted, ravdess, recola, sspnet_conflict
from affect_jax.datasets.catalog import import_corpus, list_corpora
from affect_jax.datasets.settings import make_defaults, resolve_settings
from affect_jax.errors import UserError

CORPORA = list_corpora()


def test_values_override_defaults_down_into_nested_settings():
    values = ml_collections.ConfigDict({"download": True, "synthetic": {"text": 7}, "validation": ["a"]})
    settings = resolve_settings(values, cmu_mosi.Settings)
    assert (settings.download, settings.validation, settings.labels) == (True, ("a",), "binary")
    assert settings.synthetic == dataclasses.replace(cmu_mosi.Settings().synthetic, text=7)


@pytest.mark.parametrize(
    ("corpus", "values", "message"),
    [
        (cmu_mosi, {"manual_dr": "x"}, r"^config.corpus.manual_dr is not a setting \(did you mean 'manual_dir'\?\)"),
        (
            cmu_mosi,
            {"synthetic": {"texts": 1}},
            r"^config.corpus.synthetic.texts is not a setting \(did you mean 'text'",
        ),
        (cmu_mosi, {"synthetic": 3}, "^config.corpus.synthetic is 3, expected the settings train_videos, "),
        (cmu_mosi, {"download": 1}, "^config.corpus.download is 1, expected True or False such as the default False$"),
        (cmu_mosi, {"validation": "a"}, "^config.corpus.validation is 'a', expected a tuple of texts$"),
        (cmu_mosi, {"validation": (1,)}, r"^config.corpus.validation is \(1,\), expected a tuple of texts$"),
        (cmu_mosi, {"manual_dir": 3}, "^config.corpus.manual_dir is 3, expected text$"),
        (
            recola,
            {"synthetic": {"frames": 2.5}},
            "synthetic.frames is 2.5, expected a whole number such as the default",
        ),
        (recola, {"synthetic": {"frames": True}}, "synthetic.frames is True, expected a whole number"),
        (recola, {"synthetic": {"frames": 3}}, "^config.corpus.synthetic.frames is 3; set it to 4 or more$"),
        (recola, {"target": "arousl"}, r"is 'arousl' \(did you mean 'arousal'\?\); choose arousal, valence$"),
        (iemocap, {"synthetic": {"sessions": 9}}, "^config.corpus.synthetic.sessions is 9; set it to 3 to 5$"),
        (iemocap, {"modalities": ("text", "adio")}, r"with 'adio' \(did you mean 'audio'\?\); choose text, video"),
        (
            ravdess,
            {"modalities": ("mfcc", "mfcc")},
            "; name one or more of speech, mfcc, log_mel, action_units, audio, video, each once$",
        ),
        (ravdess, {"modalities": ()}, r"^config.corpus.modalities is \(\); name one or more of speech"),
        (sspnet_conflict, {"rate": 500}, "^config.corpus.rate is 500; set it to 1000 to 192000$"),
        (planted, {"synthetic": {"worlds": 4}}, "^config.corpus.synthetic.worlds is not a setting"),
    ],
)
def test_refuses_with_the_setting_the_value_and_what_is_expected(corpus, values, message):
    with pytest.raises(UserError, match=message):
        resolve_settings(values, corpus.Settings)


def test_reports_all_problems_at_once():
    values = {"rat": 8000, "rate": "8000", "nonfinite": "drop", "seed": -1}
    with pytest.raises(UserError) as error:
        resolve_settings(values, manifest.Settings)
    lines = str(error.value).splitlines()
    assert [line.split(" is ")[0] for line in lines] == [f"config.corpus.{key}" for key in values]


@pytest.mark.parametrize("name", CORPORA)
def test_none_leaves_every_setting_open(name):
    settings_class = import_corpus(name).Settings
    fields = dataclasses.fields(settings_class)
    assert resolve_settings(dict.fromkeys(field.name for field in fields), settings_class) == settings_class()


@pytest.mark.parametrize("name", CORPORA)
def test_defaults_are_allowed_and_every_setting_has_a_meaning(name):
    package = import_corpus(name)
    assert package.Settings().name == name
    assert package.DEFAULTS == make_defaults(package.Settings)
    assert resolve_settings(package.DEFAULTS, package.Settings) == package.Settings()
    classes = [package.Settings, *(type(v) for v in vars(package.Settings()).values() if dataclasses.is_dataclass(v))]
    for settings_class in classes:
        for field in dataclasses.fields(settings_class):
            assert f"\n      {field.name}: " in settings_class.__doc__, field.name
        with pytest.raises(dataclasses.FrozenInstanceError):
            settings_class().seed = 3


@pytest.mark.parametrize("name", [name for name in CORPORA if name not in ("manifest", "joined", "ravdess_debates")])
def test_generators_have_the_defaults_of_the_settings(name):
    package = import_corpus(name)
    parameters = inspect.signature(package.synthesize).parameters.values()
    sizes = package.DEFAULTS["synthetic"]
    # Of most corpora with several forms, the form is a setting of the corpus itself.
    defaults = {p.name: p.default for p in parameters if p.name != "folder" and (p.name != "form" or "form" in sizes)}
    assert defaults == sizes


def test_unknown_corpora_are_refused_with_the_nearest():
    with pytest.raises(
        UserError, match=r"^config.corpus.name is 'recla' \(did you mean 'recola'\?\); choose arrays, cmu_mosi, "
    ):
        import_corpus("recla")


def test_importing_every_corpus_imports_nothing_heavy():
    names = ", ".join(f"affect_jax.datasets.{name}" for name in CORPORA)
    heavy = "{'jax', 'tensorflow_datasets', 'librosa', 'scipy', 'soundfile', 'sklearn'}"
    code = f"import sys, {names}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
