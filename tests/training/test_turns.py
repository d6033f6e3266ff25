"""Turns: each is a stage of its own on the stage's batches, and the engine's promises hold for all of them together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.config import hyper
from affect_jax.data import streaming
from affect_jax.data.corpus import build_corpus
from affect_jax.errors import UserError
from affect_jax.training import initial, loop, step
from affect_jax.training import trials as rowing
from tests import toy
from tests.training.test_loop import DATA, Killed, fit, killer, pick

RATE = "stages.fit.turns.teach.optimizer.learning_rate"
ADAM = dict(name="adam", learning_rate=0.02, inverse_time_decay=0.0, weight_decay=0.0, clip=1.0)


def turns_config(**changes):
    """The toy's teacher and its student in turn; the student follows a teacher that moves."""
    losses = toy.stage_config()["losses"]
    losses["teacher"] = dict(kind="mse", prediction="prediction/stronger", target="target", weight=1.0)
    turns = dict(
        teach=dict(train=("teacher", "teacher_head"), losses=("teacher",), optimizer=ADAM),
        learn=dict(train=("student", "head"), losses=("prediction", "match")),
    )
    stage = toy.stage_config(train=("*",), losses=losses, turns=turns, cycle=("teach", "learn"))
    return {**stage, **changes}


@pytest.fixture(scope="module")
def taught():
    """2 folds x 2 seeds x 2 rates of one of the turns = 8 trials, on one device."""
    parsed, traced = toy.stages(fit=turns_config())
    trials = toy.trials(traced, axes={RATE: (0.02, 0.0)})
    return parsed, trials, fit(trials, parsed)


def test_sharded_and_under_vmap_it_is_the_same(taught):
    parsed, trials, whole = taught
    seven = jax.tree.map(lambda x: x[:7], whole)
    toy.trees_equal(fit(trials[:7], parsed, devices=2, at_once=2), seven, rtol=1e-5, atol=1e-6)


def test_resume_equals_continue_bitwise(taught, tmp_path):
    parsed, trials, whole = taught
    for epoch in (1, 4):
        with pytest.raises(Killed):
            fit(trials, parsed, folder=tmp_path, listener=killer("fit", epoch, []))
    toy.trees_equal(fit(trials, parsed, folder=tmp_path), whole)


def fit_streamed(trial, parsed):
    """One trial, as `fit` has it of a resident corpus."""
    _, index, folds = DATA
    lazy = toy.left_in_files(toy.recordings())
    laid, _ = build_corpus(lazy, modalities=("a", "b"), target="y", unit="recording", resident=False)
    source = streaming.make_source(laid, index, lazy)
    engine = toy.engine()._replace(stream_megabytes=0.004)
    return loop.fit_study(toy.Model(), parsed, "regression", source, folds, [trial], engine)


def test_a_trial_alone_and_streamed_equals_that_of_a_resident_study_to_the_last_bit(taught):
    parsed, trials, whole = taught
    toy.trees_equal(pick(fit_streamed(trials[5], parsed), 0), pick(whole, 5))


def test_what_a_turn_does_not_train_stands_still_in_it(taught):
    """At a rate of 0 in its own turn the teacher keeps its first weights, though the student's turn reads it."""
    _, trials, whole = taught
    corpus, _, folds = DATA
    start = initial.init_params(toy.Model(), initial.FoldedCorpus(corpus, folds), trials, toy.engine())
    still = [number for number, trial in enumerate(trials) if trial.hyper["fit"].turns["teach"].learning_rate == 0]
    assert len(still) == 4
    for name in ("teacher", "teacher_head"):
        toy.trees_equal(*(jax.tree.map(lambda x: x[still], tree[name]) for tree in (whole.params, start)))
    moved = whole.params["student"]["kernel"] - start["student"]["kernel"]
    assert np.abs(moved[still]).max() > 1e-2


def run_step(config, batch, model=None):
    """A trial's state before and behind one step on a batch, what the step logs, and its hyper-parameters."""
    corpus, _, folds = DATA
    model = model or toy.Model()
    (stage,), traced = toy.stages(fit=config)
    trials = toy.trials(traced, folds=1, seeds=(0,))
    data = initial.FoldedCorpus(corpus, folds)
    params = initial.init_params(model, data, trials, toy.engine())
    plan, arrays = initial.plan_stage(model, stage, "regression", data, toy.engine()), rowing.stack_trials(trials)
    states = initial.init_states(plan, data, params, {}, arrays)
    trial, state = jax.tree.map(lambda x: jnp.asarray(x[0]), (arrays, states))
    after, log = jax.jit(lambda s, b: step.train_step(plan, trial, {}, s, b, jax.random.key(0)))(state, batch)
    return state, after, log, trial.hyper["fit"]


def make_batch():
    draw = np.random.default_rng(0)
    inputs = {"a": draw.normal(size=(3, 4, 3)).astype("f4"), "b": draw.normal(size=(3, 4, 2)).astype("f4")}
    mask = np.ones((3, 4), bool)
    return dict(inputs=inputs, masks={"a": mask, "b": mask}, target=draw.normal(size=(3, 4)).astype("f4"), mask=mask)


def test_a_cycle_by_hand():
    """Plain gradient descent: the student twice around the teacher, whose update the second one sees."""
    sgd = dict(name="sgd", learning_rate=0.1, inverse_time_decay=0.0, momentum=0.0, weight_decay=0.0)
    config, batch = turns_config(dropout=0.0, optimizer=sgd, cycle=("learn", "teach", "learn")), make_batch()
    config["turns"]["teach"]["optimizer"] = {**sgd, "learning_rate": 0.3}
    before, after, log, _ = run_step(config, batch)

    def error(params, losses):
        y = toy.Model().apply({"params": params}, batch["inputs"], batch["masks"], train=False)
        pairs = dict(
            prediction=(y["prediction"], batch["target"], 1.0),
            teacher=(y["prediction/stronger"], batch["target"], 1.0),
            match=(y["latent/weaker"], y["latent/stronger"], 0.1),
        )
        return sum(weight * jnp.square(a - b).mean() for a, b, weight in (pairs[name] for name in losses))

    @jax.jit
    def cycle(params):
        total, match = 0.0, error(params, ("match",)) / 0.1
        student, teacher = ("student", "head"), ("teacher", "teacher_head")
        for train, losses, rate in (
            (student, ("prediction", "match"), 0.1),
            (teacher, ("teacher",), 0.3),
            (student, ("prediction", "match"), 0.1),
        ):
            value, grads = jax.value_and_grad(error)(params, losses)
            moved = {name: jax.tree.map(lambda p, g, r=rate: p - r * g, params[name], grads[name]) for name in train}
            params, total = {**params, **moved}, total + value
        return params, total, match

    params, total, match = cycle(before.params)
    toy.trees_equal(after.params, params, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(log["loss"], total, rtol=1e-5)
    np.testing.assert_allclose(log["match"], match, rtol=1e-5)
    assert int(after.updates) == 1


def test_a_turn_has_its_own_moments_and_modalities():
    config, batch = turns_config(dropout=0.0), make_batch()
    config["turns"]["learn"]["modalities"] = ("b",)
    before, after, _, numbers = run_step(config, batch)
    assert set(after.opt_state) == {"teach", "learn"}
    toy.trees_equal(
        before.params["student"]["kernel"], after.params["student"]["kernel"] / (1 - 0.05 * 1e-4), rtol=1e-5
    )
    moved = np.abs(after.params["teacher"]["kernel"] - before.params["teacher"]["kernel"])
    np.testing.assert_allclose(moved, 0.02, rtol=1e-3)  # Adam's first step is its rate
    assert float(numbers.turns["teach"].learning_rate) == pytest.approx(0.02)


def test_the_turn_whose_tensor_is_not_finite_is_named(taught):
    parsed, trials, _ = taught
    broken = trials[5].hyper["fit"].turns["teach"]._replace(learning_rate=1e38)
    hyper_of = {"fit": trials[5].hyper["fit"]._replace(turns={"teach": broken})}
    stopped = fit_streamed(trials[5]._replace(hyper=hyper_of), parsed).stopped[0]
    assert stopped.startswith("fit: not finite in epoch 1, update"), stopped
    assert ": turn 2, learn: loss match" in stopped or ": turn 1, teach: " in stopped, stopped


def test_rates_of_a_turn_are_traced_by_their_paths():
    _, traced = toy.stages(fit=turns_config())
    flat = hyper.flatten_hyper(traced)
    assert flat[RATE] == 0.02
    assert flat["stages.fit.turns.teach.optimizer.clip"] == 1.0
    assert "stages.fit.turns.teach.optimizer.momentum" not in flat
    changed = hyper.replace_hyper(traced, {RATE: 0.5})
    assert changed["fit"].turns["teach"].learning_rate == 0.5
    assert traced["fit"].turns["teach"].learning_rate == 0.02


ADVERSARY = dict(kind="adversary", a="latent/weaker", b="latent/stronger", weight=1.0)
FOOL = dict(kind="fool", prediction="latent/stronger", target="target", weight=1.0)


def change(**changes):
    """The config with changes, of which those of turns are merged."""
    config, turns = turns_config(), changes.pop("turns", {})
    merged = {name: {**config["turns"].get(name, {}), **of_turn} for name, of_turn in turns.items()}
    return {**config, "turns": {**config["turns"], **merged}, **changes}


def oppose(**losses):
    config = turns_config()
    turns = dict(learn=dict(losses=("prediction", "match", *losses)), teach=dict(losses=("teacher", *losses)))
    return change(losses=config["losses"] | losses, turns=turns)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (change(cycle=("teach", "lern")), r"cycle names 'lern' \(did you mean 'learn'\?\)"),
        (change(cycle=("teach",)), "the turn 'learn' is not in config.stages.fit.cycle"),
        (turns_config(turns={"teach": turns_config()["turns"]["teach"]}, cycle=("teach",)), "has one turn, 'teach'"),
        (change(turns=dict(learn=dict(losses=("prediction",)))), "the loss 'match' of stage 'fit' is in no turn"),
        (change(turns=dict(learn=dict(losses=("predicton",)))), r"names 'predicton' \(did you mean 'prediction'"),
        (change(turns=dict(learn=dict(losses=()))), "turns.learn has no losses"),
        (change(turns=dict(learn=dict(train=()))), "turns.learn trains nothing"),
        (change(train=("teacher", "teacher_head", "head")), "trains 'student', which the stage freezes"),
        (change(train=("teacher", "teacher_head", "student", "head", "x")), "names 'x', which no turn trains"),
        (change(turns=dict(learn=dict(optimizer=ADAM))), "every turn of stage 'fit' has an optimizer of its own"),
        (change(turns=dict(teach=dict(optimizer={**ADAM, "name": "adm"}))), "did you mean 'adam'"),
        (toy.stage_config(losses=dict(j=ADVERSARY, f=FOOL)), "needs its own turn and optimizer"),
        (toy.stage_config(losses=dict(f=FOOL)), "nothing learns to be fooled"),
        (oppose(judging=ADVERSARY, fooling=FOOL), "train student, head|train head, student"),
    ],
)
def test_turns_that_do_not_fit_are_told(config, message):
    with pytest.raises(UserError, match=message):
        toy.stages(fit=config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (change(turns=dict(learn=dict(train=("pupil", "head")))), "turns.learn trains 'pupil', which is not there"),
        (change(turns=dict(learn=dict(modalities=("c",)))), "turns.learn reads 'c'"),
        (change(turns=dict(learn=dict(train=("student",)))), "no turn trains 'head'"),
    ],
)
def test_turns_that_the_model_or_the_corpus_lacks_are_told(config, message):
    parsed, traced = toy.stages(fit=config)
    with pytest.raises(UserError, match=message):
        fit(toy.trials(traced), parsed)
