"""What an example really has, and who may be a neighbour; numbers without a model."""

from types import SimpleNamespace

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.evaluation.missing.checked_run import TestedStudy
from affect_jax.evaluation.missing.masked_answers import Plan
from affect_jax.evaluation.missing.masked_scores import check_neighbour_counts, choose_answers

MODALITIES = ("text", "video", "audio")
INTRA = tuple((m,) for m in MODALITIES)
CROSS = (("text", "video"), ("video", "text"), ("text", "audio"))
MASKS = TestedStudy(None, None, MODALITIES, ()).masks
PLAN = Plan(MASKS, (2,), ("euclidean",))
ZEROS, MEAN, KNN = range(3)


def make_loaded(present, train):
    """A corpus whose examples have these modalities [N, 3], and folds that train on these examples [K, n]."""
    lengths = np.asarray(present) * 4
    inputs = {m: SimpleNamespace(length=lengths[:, k]) for k, m in enumerate(MODALITIES)}
    development = SimpleNamespace(corpus=SimpleNamespace(inputs=inputs))
    names = tuple(f"fold_{k}" for k in range(len(train)))
    return SimpleNamespace(development=development, folds=SimpleNamespace(train=np.array(train)), fold_names=names)


def test_a_neighbour_needs_what_is_imputed_in_the_fold_with_the_fewest():
    present = np.ones((8, 3), bool)
    present[4:7, 1] = False  # three clips without video
    loaded = make_loaded(present, [[0, 1, 2, 3, 7], [3, 4, 5, 6, 7]])
    study = SimpleNamespace(modalities=MODALITIES, spec=SimpleNamespace(name="intra"))
    check_neighbour_counts(loaded, study, (1, 2))
    with pytest.raises(UserError, match=r"has 5 neighbours but a fold trains on 2 .*\('fold_1', of 5\).*at most 2"):
        check_neighbour_counts(loaded, study, (2, 5))
    # Who lacks what the study does not read is as good a neighbour as any.
    check_neighbour_counts(loaded, SimpleNamespace(modalities=("text", "audio"), spec=study.spec), (5,))
    # Padding of a shorter fold is nobody.
    with pytest.raises(UserError, match=r"\('fold_0', of 3\)"):
        check_neighbour_counts(make_loaded(np.ones((8, 3), bool), [[0, 1, 2, -1, -1]]), study, (4,))
    with pytest.raises(UserError, match="none of the 2 examples"):
        check_neighbour_counts(make_loaded(present, [[4, 5]]), study, (1,))


def make_logits(queries):
    """[M, I, Q, 1], all different."""
    return np.arange(len(MASKS) * 3 * queries, dtype=float).reshape(len(MASKS), 3, queries, 1)


def test_whole_examples_are_answered_by_the_mask():
    logits = make_logits(2)
    np.testing.assert_array_equal(choose_answers(PLAN, INTRA, np.ones((2, 3), bool), logits), logits)


def test_known_is_decided_by_what_the_example_itself_has():
    logits = make_logits(3)
    present = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 0]], bool)
    chosen = choose_answers(PLAN, INTRA, present, logits)
    at = MASKS.index
    text_video, text, video, every = at(("text", "video")), at(("text",)), at(("video",)), len(MASKS) - 1
    np.testing.assert_array_equal(chosen[:, ZEROS], logits[:, ZEROS])  # the model has seen zeros there already
    np.testing.assert_array_equal(chosen[text_video, 1:, 0], logits[text_video, 1:, 0])
    np.testing.assert_array_equal(chosen[text_video, 1:, 1], logits[text, 1:, 1])  # has no video to be known
    np.testing.assert_array_equal(chosen[text_video, 1:, 2], logits[video, 1:, 2])
    # Nothing is masked, and still something is missing.
    np.testing.assert_array_equal(chosen[every, 1:, 1], logits[at(("text", "audio")), 1:, 1])
    # Of the third nothing is left under 'text': the answer is that to zeros.
    np.testing.assert_array_equal(chosen[text, 1:, 2], np.broadcast_to(logits[text, ZEROS, 2], (2, 1)))


def test_without_a_known_vector_there_are_no_neighbours_but_the_mean():
    logits = make_logits(1)
    chosen = choose_answers(PLAN, CROSS, np.array([[True, False, False]]), logits)
    mask, text = MASKS.index(("text", "video")), MASKS.index(("text",))
    assert chosen[mask, MEAN, 0] == logits[text, MEAN, 0]
    assert chosen[mask, KNN, 0] == logits[mask, ZEROS, 0]
