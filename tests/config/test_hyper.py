"""Traced hyper-parameters and the config paths that address them."""

import subprocess
import sys

import pytest

from affect_jax.config import hyper, losses, stages
from affect_jax.errors import UserError
from tests import toy

PATHS = {
    "stages.fit.dropout": 0.2,
    "stages.fit.optimizer.learning_rate": 0.05,
    "stages.fit.optimizer.inverse_time_decay": 0.0,
    "stages.fit.optimizer.momentum": 0.7,
    "stages.fit.optimizer.weight_decay": 1e-4,
    "stages.fit.losses.prediction.weight": 1.0,
    "stages.fit.losses.match.weight": 0.1,
}


def sgd():
    return {"fit": stages.default_hyper(toy.stage_config())}


def adam():
    config = toy.stage_config()
    return {"fit": stages.default_hyper(config | {"optimizer": config["optimizer"] | {"name": "adam"}})}


def test_flattened_numbers_have_the_paths_of_the_config_in_its_order():
    assert list(hyper.flatten_hyper(sgd()).items()) == list(PATHS.items())


def test_momentum_is_traced_only_where_the_optimizer_reads_it():
    assert "stages.fit.optimizer.momentum" not in hyper.flatten_hyper(adam())
    with pytest.raises(UserError, match=r"variant 'x' sets 'stages.fit.optimizer.momentum'.*cannot differ in"):
        hyper.replace_hyper(adam(), {"stages.fit.optimizer.momentum": 0.9}, "variant 'x'")


@pytest.mark.parametrize("path", PATHS)
def test_replacing_changes_that_number_of_a_copy(path):
    before = sgd()
    assert hyper.flatten_hyper(hyper.replace_hyper(before, {path: 5.0})) == PATHS | {path: 5.0}
    assert before == sgd()


def test_every_optimizer_reads_fields_that_hyper_has():
    fields = {field for read in hyper.OPTIMIZERS.values() for field in read}
    assert fields == set(hyper.OPTIMIZERS["sgd"]) <= set(hyper.Hyper._fields)


def test_an_unknown_path_is_told_with_the_nearest():
    with pytest.raises(UserError, match=r"'stages.fit.droput' \(did you mean 'stages.fit.dropout'"):
        hyper.replace_hyper(sgd(), {"stages.fit.droput": 0.1})


def test_a_stage_without_losses_is_refused():
    with pytest.raises(UserError, match="a stage has no losses"):
        losses.parse_losses({})


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (dict(kind="dcca", kk=3), r"'dcca' has no option 'kk' \(did you mean 'k'\?\); it has k, ridge"),
        (dict(kind="dcca"), "'dcca' needs 'k'"),
        (dict(kind="soft_cca", k=3), "'soft_cca' has no option 'k'"),
        (dict(kind="dccaa", k=3), r"kind 'dccaa' \(did you mean 'dcca'"),
    ],
)
def test_a_wrong_loss_is_told_with_what_there_is(loss, message):
    with pytest.raises(UserError, match=message):
        losses.parse_losses({"alignment": dict(a="x", b="y", weight=1.0) | loss})


def test_reading_a_stage_imports_no_jax():
    code = "import sys; import affect_jax.config.stages; assert 'jax' not in sys.modules, 'jax'"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
