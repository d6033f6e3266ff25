import numpy as np
import pytest

from affect_jax.datasets.recordings import (
    Fold,
    Recording,
    Recordings,
    add_fingerprint,
    check_choice,
    compute_fingerprint,
)
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
    generated_corpus = Recordings("cmu_mosi", "poria", False, splits, {"draw_0": ("a",)}, {}, "")
    return generated_corpus._replace(**changes)


def test_fingerprint_does_not_depend_on_dictionary_order():
    generated_corpus = corpus()
    turned = [
        r._replace(features=dict(reversed(r.features.items())))
        for part in generated_corpus.splits.values()
        for r in part
    ]
    other = generated_corpus._replace(splits={"test": [turned[2]], "train": turned[:2]}, fingerprint="anything")
    assert compute_fingerprint(generated_corpus) == compute_fingerprint(other)
    assert len(compute_fingerprint(generated_corpus)) == 64


def test_fingerprint_sees_every_field():
    generated_corpus = corpus()
    train, test = generated_corpus.splits["train"], generated_corpus.splits["test"]
    first = train[0]
    changed_value = first.features["audio"].copy()
    changed_value[1, 2] = np.nextafter(np.float32(1), np.float32(2))
    others = [
        generated_corpus._replace(corpus="recola"),
        generated_corpus._replace(form="other"),
        generated_corpus._replace(synthetic=True),
        generated_corpus._replace(draws={"draw_0": ("b",)}),
        generated_corpus._replace(draws={"draw_1": ("a",)}),
        generated_corpus._replace(draws={}),
        generated_corpus._replace(folds={"fold_1": Fold(("a",), ("b",))}),
        generated_corpus._replace(folds={"fold_1": Fold(("b",), ("a",))}),
        generated_corpus._replace(splits={"train": train[::-1], "test": test}),
        generated_corpus._replace(splits={"train": test, "test": train}),
        *(
            generated_corpus._replace(splits={"train": [first._replace(**change), train[1]], "test": test})
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
    prints = [compute_fingerprint(other) for other in [generated_corpus, *others]]
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


@pytest.mark.parametrize("field", ["id", "group", "steps"])
def test_names_with_zero_characters_are_refused(field):
    whole = corpus()
    first, *others = whole.splits["train"]
    changed = first._replace(**{field: ("a\0", "b") if field == "steps" else "a\0"})
    with pytest.raises(UserError, match="has a zero character; take it out"):
        add_fingerprint(whole._replace(splits={**whole.splits, "train": [changed, *others]}))
    add_fingerprint(whole)
