"""The engine: what a trial becomes must not depend on what runs beside it, where, or with which interruptions."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.data.folds import FoldedCorpus
from affect_jax.errors import UserError
from affect_jax.runtime.signals import Stopped
from affect_jax.training import checkpoint, initial, loop, state, step
from affect_jax.training import trials as rowing
from tests import toy
from tests.compiled import list_compiled

DATA = toy.development()
# Of all single trials that ask for nothing else, whose program is then one: a rate is traced, its plateau is not.
PLAIN = toy.stage_config(epochs=4, plateau=dict(factor=0.5, patience=2))


def fit(trials, parsed, *, model=None, data=DATA, listener=None, folder=None, **engine):
    corpus, _, folds = data
    model = model or toy.Model()
    return loop.fit_study(
        model, parsed, "regression", corpus, folds, trials, toy.engine(**engine), folder=folder, listener=listener
    )


def pick(fitted, number):
    """One trial of a fitted study, without the trial axis."""
    return jax.tree.map(lambda x: x[number], fitted)


@pytest.fixture(scope="module")
def pair():
    """Two stages, 2 folds x 2 seeds x 2 weights = 8 trials, on one device."""
    parsed, traced = toy.stages(teacher=toy.teacher_config(), student=toy.stage_config())
    trials = toy.trials(traced, axes={"stages.student.losses.match.weight": (0.0, 1.0)})
    return parsed, trials, fit(trials, parsed)


def test_a_trial_of_a_study_equals_that_trial_alone(pair):
    parsed, trials, whole = pair
    for number in (0, 5):
        alone = fit([trials[number]], parsed)
        toy.trees_equal(pick(alone, 0), pick(whole, number))  # to the last bit: on a CPU a trial is the same loop body


def test_sharded_over_devices_and_under_vmap_equals_a_loop_on_one(pair):
    parsed, trials, whole = pair
    seven = jax.tree.map(lambda x: x[:7], whole)
    toy.trees_equal(fit(trials[:7], parsed, devices=2, at_once=2), seven, rtol=1e-5, atol=1e-6)


def test_before_its_first_epoch_a_stage_compiles_one_program():
    """The first weights. An array made by jnp here is one program more for each shape."""
    parsed, traced = toy.stages(fit=toy.stage_config())
    # A number of trials that no other test has: what was compiled before would not be told again.
    with list_compiled() as compiled, pytest.raises(Stopped):
        fit(toy.trials(traced, seeds=range(7)), parsed, devices=2, listener=loop.Listener(stop=lambda: True))
    assert len(compiled) == 1, compiled


def test_an_engine_that_saves_at_other_times_shares_what_is_compiled(pair):
    parsed, trials, _ = pair
    with list_compiled() as compiled:
        fit(trials, parsed, checkpoint_seconds=60.0)
    assert not compiled


def test_no_two_arrays_of_a_first_state_share_memory():
    """A program that is given the state writes the next one over it."""
    corpus, _, folds = DATA
    (stage,), traced = toy.stages(fit=toy.stage_config())
    data, trials = FoldedCorpus(corpus, folds), rowing.stack_trials(toy.trials(traced))
    shapes = initial.trace_shapes(toy.Model(), corpus, folds).params
    params = jax.tree.map(lambda x: np.ones((len(trials.seed), *x.shape), x.dtype), shapes)
    plan = initial.plan_stage(toy.Model(), stage, "regression", data, toy.engine())
    leaves = jax.tree.leaves(initial.init_states(plan, data, params, {}, trials))
    assert {len(leaf) for leaf in leaves} == {len(trials.seed)}
    assert not [1 for one, other in itertools.combinations(leaves, 2) if np.shares_memory(one, other)]


def test_trials_differ_where_their_hyper_parameters_do(pair):
    _, trials, whole = pair
    assert trials[0].hyper != trials[1].hyper
    student = whole.params["student"]["kernel"]
    assert np.abs(student[0] - student[1]).max() > 1e-4
    assert np.abs(student[0] - student[2]).max() > 1e-4  # another seed


def test_a_stage_moves_only_its_parts_and_what_trials_share_is_trained_once(pair):
    parsed, trials, whole = pair
    chosen, position = rowing.find_distinct(trials, ["teacher"])
    assert len(chosen) == 4
    assert position == [0, 0, 1, 1, 2, 2, 3, 3]
    teacher = whole.params["teacher"]["kernel"]
    np.testing.assert_array_equal(teacher[0], teacher[1])
    only_teacher = fit(trials, parsed[:1])
    toy.trees_equal(whole.params["teacher"], only_teacher.params["teacher"])
    assert np.abs(whole.params["student"]["kernel"] - only_teacher.params["student"]["kernel"]).max() > 1e-3


class Killed(Exception):
    pass


def killer(stage, epoch, heard):
    """A listener that dies after an epoch of a stage."""

    def on_epoch(progress):
        heard.append((progress.stage, progress.epoch))
        if (progress.stage, progress.epoch) == (stage, epoch):
            raise Killed

    return loop.Listener(on_epoch, lambda stage, epoch: heard.append((f"resumed {stage}", epoch)))


def test_resume_equals_continue_bitwise(pair, tmp_path):
    parsed, trials, whole = pair
    heard = []
    for stage, epoch in (("teacher", 3), ("student", 1), ("student", 4)):
        with pytest.raises(Killed):
            fit(trials, parsed, folder=tmp_path, listener=killer(stage, epoch, heard))
    resumed = fit(trials, parsed, folder=tmp_path, listener=killer("", 0, heard))
    toy.trees_equal(resumed, whole)
    assert heard[0] == ("resumed teacher", 0)  # told, so that what a process before this one told can be taken back
    assert ("resumed teacher", 2) in heard
    assert ("resumed student", 3) in heard
    assert heard.count(("teacher", 1)) == 1  # what was saved is not trained again


def test_stopped_on_request_and_resumed_equals_continued_bitwise(pair, tmp_path, monkeypatch):
    # An engine with other `checkpoint_seconds` would compile anew.
    monkeypatch.setattr(checkpoint.CheckpointTimer, "is_due", lambda _: False)
    parsed, trials, whole = pair
    heard = []
    for stage, last in (("teacher", 2), ("student", 1), ("student", 4)):
        listener = loop.Listener(
            lambda p: heard.append((p.stage, p.epoch)), lambda *_: None, lambda at=(stage, last): at in heard
        )
        with pytest.raises(Stopped, match=f"{stage}: stopped after epoch {last}"):
            fit(trials, parsed, folder=tmp_path, listener=listener)
    heard.clear()
    listener = loop.Listener(lambda p: heard.append((p.stage, p.epoch)), lambda *at: heard.append(at))
    toy.trees_equal(fit(trials, parsed, folder=tmp_path, listener=listener), whole)
    assert heard == [("student", 4), ("student", 5)]  # what was saved is not trained again


def test_a_damaged_checkpoint_is_refused(pair, tmp_path):
    parsed, trials, _ = pair
    with pytest.raises(Killed):
        fit(trials[:1], parsed[:1], folder=tmp_path, listener=killer("teacher", 3, []))
    largest = max((p for p in tmp_path.rglob("d/*") if p.is_file()), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    largest.write_bytes(bytes(data))
    with pytest.raises(UserError, match="checkpoint .* is damaged .* delete"):
        fit(trials[:1], parsed[:1], folder=tmp_path)


def test_a_checkpoint_of_another_model_is_refused(pair, tmp_path):
    parsed, trials, _ = pair
    fit(trials[:1], parsed[:1], folder=tmp_path)
    other, traced = toy.stages(teacher=toy.teacher_config() | {"train": ("teacher",)})
    with pytest.raises(UserError, match="of another model"):
        fit(toy.trials(traced)[:1], other, folder=tmp_path)


def test_early_stopping_keeps_the_best_and_packs_the_live_trials():
    # A learning rate of zero never gets better than its first epoch; the other trials go on.
    parsed, traced = toy.stages(fit=toy.stage_config(epochs=12, patience=3, dropout=0.0))
    rate = "stages.fit.optimizer.learning_rate"
    trials = toy.trials(traced, axes={rate: (0.0, 0.02)}, seeds=(0, 1, 2))
    seen = []
    listener = loop.Listener(lambda p: seen.append(p.trials), lambda *_: None)
    fitted = fit(trials, parsed, listener=listener)
    still = np.array([trial.hyper["fit"].learning_rate == 0 for trial in trials])
    np.testing.assert_array_equal(fitted.epochs["fit"][still], 4)
    np.testing.assert_array_equal(fitted.best_epoch["fit"][still], 1)
    assert (fitted.epochs["fit"][~still] > 6).any()
    assert seen[0] == list(range(12))
    assert set(seen[4]) <= set(np.flatnonzero(~still))
    assert len(seen) == 12
    alone = fit([trials[number] for number in seen[-1]], parsed)  # as many as were packed together in the end
    toy.trees_equal(alone, pick(fitted, seen[-1]), rtol=1e-5, atol=1e-6)


def test_best_weights_score_what_was_reported():
    parsed, traced = toy.stages(fit=PLAIN)
    trials = toy.trials(traced, folds=1, seeds=(3,))
    scores = []
    listener = loop.Listener(lambda p: scores.append(float(p.log["validation/ccc"][0])), lambda *_: None)
    fitted = fit(trials, parsed, listener=listener)
    assert fitted.score[0] == pytest.approx(max(scores), abs=1e-6)
    assert fitted.best_epoch["fit"][0] == 1 + int(np.argmax(scores))


def test_plateau_and_inverse_time_decay_lower_the_rate():
    parsed, traced = toy.stages(fit={**PLAIN, "optimizer": {**PLAIN["optimizer"], "learning_rate": 0.0}})
    scale = []
    listener = loop.Listener(lambda p: scale.append(float(p.log["scale"][0])), lambda *_: None)
    fit(toy.trials(traced, folds=1, seeds=(0,)), parsed, listener=listener)
    assert scale == [1.0, 1.0, 1.0, 0.5]  # best in epoch 1; dropped after two epochs without a better one


def test_the_plateau_watches_a_score_of_its_own():
    (stage,), _ = toy.stages(fit=toy.stage_config(epochs=9, plateau=dict(factor=0.5, patience=2, metric="rmse")))
    assert (stage.metric, stage.plateau_metric) == ("ccc", "rmse")
    advance = jax.jit(lambda now, plateau: step._advance_schedule(stage, now, now.epoch + 1.0, plateau))
    now, scales = state.create_state({}, {}, None, {}), []
    for plateau in (-3.0, -2.0, -2.5, -2.5, -1.0):  # the monitored score gets better all the time
        now = advance(now, np.float32(plateau))
        scales.append(float(now.scale))
    assert scales == [1.0, 1.0, 1.0, 0.5, 0.5]
    assert int(now.best_epoch) == 5


def test_moddrop_with_whole_examples_alone_is_plain_training():
    plain, traced = toy.stages(fit=PLAIN)
    whole, _ = toy.stages(fit={**PLAIN, "moddrop": ("a+b",)})
    trials = toy.trials(traced, folds=1, seeds=(0,))
    toy.trees_equal(fit(trials, whole).params, fit(trials, plain).params, rtol=1e-6, atol=1e-7)


def test_moddrop_shows_every_example_in_every_combination():
    parsed, traced = toy.stages(fit=toy.stage_config(epochs=1, moddrop=("a+b", "b")))
    trials = toy.trials(traced, folds=1, seeds=(0,))
    with_b_alone, _ = toy.stages(fit=toy.stage_config(epochs=1, moddrop=("b", "b")))
    both, one = (fit(trials, stages).params["student"]["kernel"] for stages in (parsed, with_b_alone))
    still = [trial._replace(hyper={"fit": trial.hyper["fit"]._replace(learning_rate=0.0)}) for trial in trials]
    start = fit(still, parsed).params["student"]["kernel"]
    assert np.abs(both - start).max() > 1e-5
    np.testing.assert_allclose(
        one, start, rtol=1e-4
    )  # but for weight decay: the student reads `a`, which is never there


def test_moddrop_of_an_unknown_modality_is_refused():
    parsed, traced = toy.stages(fit=toy.stage_config(moddrop=("a+smell",)))
    with pytest.raises(UserError, match="Moddrop with 'smell'"):
        fit(toy.trials(traced), parsed)


def test_a_trial_whose_loss_is_not_finite_stops_alone():
    parsed, traced = toy.stages(fit=PLAIN)
    rate = "stages.fit.optimizer.learning_rate"
    trials = toy.trials(traced, axes={rate: (0.05, 1e30)}, folds=1, seeds=(0,))
    fitted = fit(trials, parsed)
    np.testing.assert_array_equal(fitted.finite, [True, False])
    assert fitted.epochs["fit"][1] < 4
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(fitted.params))
    assert list(fitted.stopped) == [1]
    assert re.fullmatch(r"fit: not finite in epoch 1, update [23]: loss prediction", fitted.stopped[1])
    alone = fit([trials[0]], parsed)
    assert not alone.stopped
    toy.trees_equal(pick(alone.params, 0), pick(fitted.params, 0), rtol=1e-5, atol=1e-6)


def test_a_tensor_that_is_not_finite_is_named_and_a_finished_stage_still_knows_it(tmp_path):
    corpus, index, folds = DATA
    values = np.array(corpus.inputs["b"].values)
    values[12, 0] = np.inf  # of r1; the reader's checks are not the engine's
    broken = corpus.replace(inputs={**corpus.inputs, "b": corpus.inputs["b"].replace(values=jnp.asarray(values))})
    parsed, traced = toy.stages(teacher=toy.teacher_config())
    trials = toy.trials(traced, folds=1, seeds=(0,))
    for _ in range(2):
        fitted = fit(trials, parsed, data=(broken, index, folds), folder=tmp_path)
        assert re.fullmatch(r"teacher: not finite in epoch 1, update [12]: input b", fitted.stopped[0])
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(fitted.params))


class Kinked(toy.Model):
    """A finite loss whose gradient is not: the root of zero."""

    def __call__(self, *args, **kwargs):
        outputs = super().__call__(*args, **kwargs)
        return {**outputs, "prediction": outputs["prediction"] + jnp.sqrt(0 * outputs["prediction"])}


def test_a_gradient_that_is_not_finite_never_gets_into_the_weights():
    parsed, traced = toy.stages(fit=toy.stage_config(epochs=2, keep="last"))
    fitted = fit(toy.trials(traced, folds=1, seeds=(0,)), parsed, model=Kinked())
    assert fitted.stopped == {0: "fit: not finite in epoch 1, update 1: gradient of head/bias"}
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(fitted.params))


def test_unknown_names_are_told_with_the_list():
    wrong = toy.stage_config()
    wrong["losses"]["match"]["target"] = "latent/strong"
    parsed, traced = toy.stages(fit=wrong)
    with pytest.raises(UserError, match=r"reads 'latent/strong' \(did you mean 'latent/stronger'"):
        fit(toy.trials(traced), parsed)
    parsed, traced = toy.stages(fit=toy.stage_config(train=("pupil",)))
    with pytest.raises(UserError, match="trains 'pupil'.*student"):
        fit(toy.trials(traced), parsed)


def test_fit_is_not_handed_the_test_part():
    import inspect

    assert not [name for name in inspect.signature(loop.fit_study).parameters if "test" in name]
