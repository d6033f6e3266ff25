"""Sentences about wrong flags of a config."""

import pytest
from absl import flags
from ml_collections.config_flags import config_flags

from launch import config_errors

CONFIG = """
import ml_collections

def get_config(argument="few"):
    stage = dict(epochs=3, optimizer=dict(learning_rate=0.1))
    stages = dict(fit=stage) if argument == "few" else dict(fit=stage, teacher=stage)
    return ml_collections.ConfigDict(dict(name="a", stages=stages, standardize=True, search=dict(grid={})))
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "config.py").write_text(CONFIG)
    return str(tmp_path / "config.py")


@pytest.mark.parametrize(
    ("argument", "flag", "message"),
    [
        ("", "learning_rate=1", "'learning_rate' (did you mean config.stages.fit.optimizer.learning_rate?); --print"),
        (":many", "epochs=1", "(did you mean config.stages.fit.epochs or config.stages.teacher.epochs?)"),
        ("", "stages.fti.epochs=1", "(did you mean config.stages.fit.epochs?)"),
        ("", "stages.fit.epoch=1", "(did you mean config.stages.fit.epochs?)"),
        ("", "zzz=1", "no setting 'zzz'; --print_config lists what it has"),
    ],
)
def test_an_unknown_setting_names_those_that_end_alike(file, argument, flag, message):
    for words in ([f"--config={file}{argument}"], ["--config", f"{file}{argument}"]):
        assert message in config_errors.describe_unknown_setting(
            ["main", *words, "--config.name=b", f"--config.{flag}"]
        )
    assert config_errors.describe_unknown_setting(["main", f"--config={file}", "--config.name=b"]) == ""


@pytest.mark.filterwarnings("ignore:the load_module:DeprecationWarning")
@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("stages.fit.epochs=ten", "'ten' is not a whole number; write it like --config.stages.fit.epochs=3"),
        (
            "stages.fit.optimizer.learning_rate=slow",
            "is not a number; write it like --config.stages.fit.optimizer.learn",
        ),
        ("standardize=perhaps", "is not True or False; write it like --config.standardize=True"),
        ("search.grid={'stages': {'fit'", "write it like --config.search.grid=\"{'stages': {'fit'"),
        ("stages=3", "config.stages is a table; set what is in it, which --print_config lists"),
    ],
)
def test_a_value_that_does_not_parse_gets_an_example(file, monkeypatch, flag, message):
    values = flags.FlagValues()
    monkeypatch.setattr(config_errors.flags, "FLAGS", values)
    argv = ["main", f"--config={file}", f"--config.{flag}"]
    monkeypatch.setattr("sys.argv", argv)
    config_flags.DEFINE_config_file("config", None, "", flag_values=values)
    with pytest.raises(flags.Error) as refused:
        values(argv)
    assert message in config_errors.describe_bad_value(str(refused.value))
