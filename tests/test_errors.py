"""What a misspelt name is answered with."""

import pytest

from affect_jax.errors import find_nearest, suggest_nearest


@pytest.mark.parametrize(
    ("name", "names", "nearest"),
    [
        ("vioce", ["face", "voice"], "voice"),
        ("tnf", ["lmf", "tfn"], "tfn"),
        ("CCC", ["ccc", "pcc"], "ccc"),
        ("sond", ["seed", "sound", "manifest"], "sound"),
        ("stages.fit.droput", ["stages.fit.epochs", "stages.fit.dropout"], "stages.fit.dropout"),
        ("ccc", ["accuracy", "uar", "macro_f1"], None),
        ("fold_9", ["fold_1", "fold_5"], None),
        ("accuracy_2", ["accuracy_7", "accuracy_5"], None),
        ("epochs", ["dropout", "loss_weights"], None),
        ("stages.fit.epochs", ["stages.fit.dropout", "stages.fit.weight_decay"], None),
        ("anything", [], None),
    ],
)
def test_only_what_is_spelt_alike_is_asked_for(name, names, nearest):
    assert find_nearest(name, names) == nearest
    assert suggest_nearest(name, names) == ("" if nearest is None else f" (did you mean {nearest!r}?)")
