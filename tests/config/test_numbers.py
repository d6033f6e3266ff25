"""Every numeric setting of every config has a range: no number that makes no sense gets past the parser."""

import copy
import math

import pytest

from affect_jax.config.changes import find_value, list_leaves
from affect_jax.config.load import load_config
from affect_jax.config.synthetic import apply_synthetic
from affect_jax.errors import UserError
from configs import conflictnet, fusion_ravdess, rank, seqsew, sew, speech_emotion

CONFIGS = (sew, seqsew, conflictnet, fusion_ravdess, rank, speech_emotion)


def _list_numbers(document):
    """Paths of the numbers that some study reads."""
    changes = [study.get("model", {}) for study in document["studies"].values()]
    of_same_model = [set(change) for change in changes if "name" not in change]
    unread = {f"model.{name}" for name in set.intersection(*of_same_model)} if of_same_model else set()
    return [
        path
        for path, value in list_leaves(document)
        if isinstance(value, int | float) and not isinstance(value, bool)
        if path not in unread and not path.startswith("studies.")
    ]


def _replace(document, path, value):
    changed = copy.deepcopy(document)
    *tables, last = path.split(".")
    find_value(changed, ".".join(tables))[last] = value
    return changed


def _is_refused(document, path, value):
    try:
        load_config(_replace(document, path, value))
    except UserError as error:
        told = str(error)
    else:
        return False
    assert path.split(".")[-1] in told, f"{path} = {value!r}: {told}"
    return True


@pytest.fixture(scope="module", params=CONFIGS, ids=lambda module: module.__name__)
def document(request):
    plain, _ = apply_synthetic(request.param.get_config().to_dict(), ())
    return plain


def test_no_setting_takes_what_is_not_finite(document):
    for path in _list_numbers(document):
        for value in (math.nan, math.inf, -math.inf):
            assert _is_refused(document, path, value), f"{path} = {value}"


def test_only_weights_of_losses_may_be_negative(document):
    for path in _list_numbers(document):
        is_refused = _is_refused(document, path, -1)
        assert is_refused != path.endswith(".weight"), path


def test_text_and_fractions_are_no_whole_numbers(document):
    for path in _list_numbers(document):
        assert _is_refused(document, path, "1"), path
        if isinstance(find_value(document, path), int):
            assert _is_refused(document, path, 1.5), path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("study.seeds", 0),
        ("study.seeds", 10**9),
        ("study.seeds", (-1,)),
        ("study.seeds", (2**32,)),
        ("data.eval_size", 0),
        ("engine.devices", -1),
        ("engine.devices", 0),
        ("engine.trial_batch_gigabytes", 0),
        ("model.regressor_width", 0),
        ("model.weaker_layers", (0,)),
        ("model.weaker_layers", 5),
        ("corpus.synthetic.frames", 10**9),
    ],
)
def test_sizes_have_bounds_before_any_work(path, value):
    assert _is_refused(apply_synthetic(sew.get_config().to_dict(), ())[0], path, value)
