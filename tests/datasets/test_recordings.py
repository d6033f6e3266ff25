import numpy as np
import pytest

from affect_jax.datasets.recordings import Fold, Recording, Recordings, check_choice, compute_fingerprint
from affect_jax.errors import UserError


def corpus(**changes):
    def recording(name, value):
        return Recording(
            id=name,
            group=name,
            steps=(f"{name}_1", f"{name}_2"),
            features={"audio": np.full((2, 3), value, np.float32), "text": np.zeros((2, 1), np.float32)},
            targets={"binary": np.array([0, 1], np.float32)},
        )

    splits = {"train": [recording("a", 1.0), recording("b", 2.0)], "test": [recording("c", 3.0)]}
    made = Recordings("cmu_mosi", "poria", False, splits, {"draw_0": ("a",)}, {}, "")
    return made._replace(**changes)


def test_fingerprint_does_not_depend_on_dictionary_order():
    made = corpus()
    turned = [r._replace(features=dict(reversed(r.features.items()))) for part in made.splits.values() for r in part]
    other = made._replace(splits={"test": [turned[2]], "train": turned[:2]}, fingerprint="anything")
    assert compute_fingerprint(made) == compute_fingerprint(other)
    assert len(compute_fingerprint(made)) == 64


def test_fingerprint_sees_every_field():
    made = corpus()
    train, test = made.splits["train"], made.splits["test"]
    first = train[0]
    changed_value = first.features["audio"].copy()
    changed_value[1, 2] = np.nextafter(np.float32(1), np.float32(2))
    others = [
        made._replace(corpus="recola"),
        made._replace(form="other"),
        made._replace(synthetic=True),
        made._replace(draws={"draw_0": ("b",)}),
        made._replace(draws={"draw_1": ("a",)}),
        made._replace(draws={}),
        made._replace(folds={"fold_1": Fold(("a",), ("b",))}),
        made._replace(folds={"fold_1": Fold(("b",), ("a",))}),
        made._replace(splits={"train": train[::-1], "test": test}),
        made._replace(splits={"train": test, "test": train}),
        *(
            made._replace(splits={"train": [first._replace(**change), train[1]], "test": test})
            for change in (
                {"id": "z"},
                {"group": "z"},
                {"steps": ("a_1", "a_3")},
                {"features": {**first.features, "audio": changed_value}},
                {"features": {**first.features, "audio": first.features["audio"].reshape(3, 2)}},
                {"features": {"audio": first.features["audio"]}},
                {"targets": {"sentiment": first.targets["binary"]}},
                {"targets": {}},
            )
        ),
    ]
    prints = [compute_fingerprint(other) for other in [made, *others]]
    assert len(set(prints)) == len(prints)


def test_a_fold_trains_on_what_it_names_or_on_all_others():
    fold = Fold(("a",), ("b",))
    assert fold.select_training_ids(("a", "b", "c", "d")) == ("c", "d")
    assert fold._replace(train=("d",)).select_training_ids(("a", "b", "c", "d")) == ("d",)
    prints = {compute_fingerprint(corpus(folds={"fold_1": f})) for f in (fold, fold._replace(train=("c",)))}
    assert len(prints) == 2


def test_choice_suggests():
    with pytest.raises(UserError, match=r"config.corpus.target is 'arrousal' \(did you mean 'arousal'\?\); choose"):
        check_choice("target", "arrousal", ("arousal", "valence"))
