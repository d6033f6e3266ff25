"""Encoders as fronts of models: what trains is what should, adapters are exact, and training is the authors'."""

import dataclasses
import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from affect_jax.config.stages import default_hyper, parse_stage
from affect_jax.encoders import front, numbers, tuning
from affect_jax.encoders.tuning import EncoderSettings
from affect_jax.errors import UserError
from affect_jax.models import pretrained_speech, pretrained_words
from affect_jax.training import mesh, step
from affect_jax.training.optimizer import make_transform
from affect_jax.training.state import create_state
from affect_jax.training.trials import TrialArrays
from tests import toy
from tests.encoders import proof

NO_DROPOUT = ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout")
NO_DROPOUT += ("hidden_dropout_prob", "attention_probs_dropout_prob")


def describe(name, **changes):
    """The settings of a case, and its parameters."""
    kinds, config = proof.read_case(name)
    described = json.dumps(config | dict.fromkeys(NO_DROPOUT, 0.0))
    params = proof.build(name).variables["params"]
    params = {key: tree for key, tree in params.items() if key != "pooler"}
    return EncoderSettings(described=described, normalises=False, **changes), params, kinds["in"]


def make_batch(settings, ins):
    """(inputs, masks) of a case: padded, and what is padded is NaN or a piece."""
    values, mask, *_ = proof.pad_inputs(tuning.build_module(settings.described), ins)
    name = "speech" if "samples" in ins else "words"
    return {name: values[..., None].astype(np.float32)}, {name: mask}


@pytest.fixture(scope="module", params=["wav2vec2_base", "bert"])
def trained(request):
    """The case of a head on an encoder: PyTorch's numbers, and three updates of the engine."""
    name = request.param
    settings, params, ins = describe(name, train="all", layer="learned")
    with np.load(proof.DATA / "front" / f"{name}.npz") as file:
        theirs = {key: file[key] for key in file.files}
    of_words = name == "bert"
    model = (pretrained_words if of_words else pretrained_speech).Model(classes=3, encoder=settings)
    start = {
        "encoder": params,
        "layer_weights": {"scores": theirs["scores"]},
        "head": {"kernel": theirs["head/kernel"], "bias": theirs["head/bias"]},
    }
    config = toy.stage_config(train=("*",), epochs=1, batch=3, dropout=0.0)
    config["losses"] = {"prediction": dict(kind="cross_entropy", prediction="logits", target="target", weight=1.0)}
    config["optimizer"] = dict(name="sgd", learning_rate=proof.LEARNING_RATE, momentum=0.0, weight_decay=0.0)
    config["optimizer"]["inverse_time_decay"] = 0.0
    config["monitor"] = dict(metric="uar", prediction="prediction")
    stage = parse_stage("fit", config, "multiclass")
    hyper = {"fit": default_hyper(config)}
    trial = TrialArrays(np.int32(0), np.int32(0), jax.tree.map(np.float32, hyper))
    inputs, masks = make_batch(settings, ins)
    batch = {"inputs": inputs, "masks": masks, "target": theirs["labels"].astype(np.float32)}
    batch["mask"] = np.ones(3, bool)
    plan = step.StagePlan(model, stage, "multiclass", 3)
    state = create_state(start, {}, jax.jit(make_transform(stage, hyper["fit"]).init)(start), {})
    update, losses = jax.jit(lambda state: step.train_step(plan, trial, {}, state, batch, jax.random.key(0))), []
    first = None
    for _ in range(4):
        state, terms = update(state)
        first = first or jax.device_get(state.params)
        losses.append(float(terms["loss"]))
    return theirs, jax.tree.map(lambda old, new: (old - new) / proof.LEARNING_RATE, start, first), losses


def test_training_is_that_of_transformers(trained):
    theirs, gradients, losses = trained
    np.testing.assert_allclose(gradients["head"]["kernel"], theirs["grad/kernel"], atol=1e-5)
    np.testing.assert_allclose(gradients["layer_weights"]["scores"], theirs["grad/scores"], atol=1e-5)
    logits, labels = theirs["logits"], theirs["labels"]
    behind = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(3), labels])
    np.testing.assert_allclose(losses, [*theirs["sgd"], behind], atol=1e-5)


def test_learned_weights_of_one_layer_are_that_layer_and_all_layers_move_them():
    settings, params, ins = describe("bert", layer="learned")
    inputs, masks = make_batch(settings, ins)
    model = pretrained_words.Model(classes=2, encoder=settings)
    draw = np.random.default_rng(0)
    head = {"kernel": draw.normal(size=(8, 2)).astype("f4"), "bias": np.zeros(2, np.float32)}
    rest = {"pretrained": params, "head": head}

    one = model.clone(encoder=dataclasses.replace(settings, layer="1"))

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def answer(scores):
        variables = {"params": {**rest, "layer_weights": {"scores": scores}}}
        logits = model.apply(variables, inputs, masks, train=False)["logits"]
        return logits[:, 0].sum(), (logits, one.apply({"params": rest}, inputs, masks, train=False)["logits"])

    (_, (of_one, alone)), _ = jax.device_get(answer(np.array([-1e9, 0.0, -1e9], np.float32)))
    np.testing.assert_allclose(of_one, alone, atol=1e-6)
    (_, (even, alone)), gradient = jax.device_get(answer(np.zeros(3, np.float32)))
    assert np.abs(even - alone).max() > 1e-3
    assert (np.abs(gradient) > 1e-4).all()
    assert abs(gradient.sum()) < 1e-4  # what all scores have in common changes nothing


@pytest.fixture(scope="module")
def adapted():
    """A model with adapters, its variables, random adapters, and a program: variables -> (what the model predicts, what
    it predicts without adapters, gradients of the first)."""
    settings, params, ins = describe("wav2vec2_base", train="adapters", rank=2, alpha=3.0, layer="mean")
    model = pretrained_speech.Model(classes=0, encoder=settings, pooling="attentive")
    inputs, masks = make_batch(settings, ins)

    @jax.jit
    def start(key):
        variables = model.init(key, inputs, masks, train=False)["params"]
        return {name: tree for name, tree in variables.items() if name != "pretrained"}

    frozen = model.clone(encoder=dataclasses.replace(settings, train="nothing"))

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def compute(variables):
        prediction = model.apply({"params": variables}, inputs, masks, train=False)["prediction"]
        rest = {name: tree for name, tree in variables.items() if name != "adapters"}
        without = frozen.apply({"params": rest}, inputs, masks, train=False)["prediction"]
        return prediction.sum(), (prediction, without)

    variables, draw = jax.device_get(start(jax.random.key(0))) | {"pretrained": params}, np.random.default_rng(1)
    noise = jax.tree.map(lambda x: draw.standard_normal(x.shape, np.float32), variables["adapters"])
    return model, variables, noise, lambda variables: jax.device_get(compute(variables))


def test_new_adapters_add_nothing_and_trained_ones_are_part_of_the_kernels(adapted):
    model, variables, noise, compute = adapted
    assert model.shared == ("pretrained",)
    assert sorted(model.deployed) == ["adapters", "head", "pooling", "pretrained"]
    (_, (fresh, plain)), _ = compute(variables)
    np.testing.assert_allclose(fresh, plain, atol=1e-6)
    (_, (changed, _)), _ = compute({**variables, "adapters": noise})
    assert np.abs(changed - plain).max() > 1e-3
    merged = tuning.merge_adapters(variables["pretrained"], noise, model.encoder)
    (_, (_, without)), _ = compute({**variables, "pretrained": merged})
    np.testing.assert_allclose(without, changed, atol=1e-5)


def test_gradients_of_adapters_follow_from_those_of_kernels(adapted):
    """d loss / d up = alpha / rank down' dW, and of new adapters nothing moves `down`."""
    _, variables, _, compute = adapted
    _, gradients = compute(variables)
    at = ("encoder", "layers_1", "attention", "q_proj")
    pair, start = (tuning._get_leaf(tree["adapters"], at) for tree in (gradients, variables))
    kernel = tuning._get_leaf(gradients["pretrained"], (*at, "kernel"))
    np.testing.assert_array_equal(pair["down"], 0)
    np.testing.assert_allclose(pair["up"], 1.5 * start["down"].T @ kernel, atol=1e-5)


@pytest.mark.parametrize("name", ["wav2vec2_large", "bert"])
def test_the_last_layers_are_split_off_and_joined_again(name):
    settings, params, _ = describe(name, train="last", last=1)
    parts = tuning.split_parameters(params, settings)
    layers = {"bert": "layer", "wav2vec2_large": "layers"}[name]
    norm = {"layer_norm"} if name != "bert" else set()  # behind the last layer, which normalises first
    assert parts.trained.keys() == {"encoder"}
    assert parts.trained["encoder"].keys() == {f"{layers}_1"} | norm
    assert f"{layers}_1" not in parts.shared["encoder"]
    joined = tuning.join_parameters(*parts)
    jax.tree.map(np.testing.assert_array_equal, joined, dict(params))


def save(folder, name, **changes):
    kinds, config = proof.read_case(name)
    (folder / "config.json").write_text(json.dumps(config | changes))
    safetensors.numpy.save_file(kinds["param"], folder / "model.safetensors")
    return str(folder)


def test_weights_describe_themselves_and_are_known_again(tmp_path):
    source = save(tmp_path, "bert")
    described = tuning.describe_weights(dict(weights=source, train="nothing"), "words")
    settings = EncoderSettings(**described)
    start = front.load_submodules(settings)
    assert start.keys() == {"pretrained"}
    assert "pooler" not in start["pretrained"]
    with pytest.raises(UserError, match="of the family 'bert', but this model reads sound"):
        tuning.describe_weights(dict(weights=source), "sound")
    (tmp_path / "config.json").write_text((tmp_path / "config.json").read_text() + " ")
    with pytest.raises(UserError, match="other weights than when the run was configured"):
        tuning.load_parameters(dataclasses.replace(settings, rank=9))  # another key of the cache


WRONG = {
    "an unknown family": (dict(family="wav2vec"), "choose one of wav2vec2, hubert, wavlm"),
    "a family of words": (dict(family="bert"), "this model reads sound"),
    "more layers than there are": (dict(train="last", last=3), "the encoder has 2 layers; set it to 1 to 2"),
    "no layers": (dict(train="last", last=0), "the encoder has 2 layers"),
    "no such state": (dict(layer="3"), "set last, mean, learned, or 0 to 2"),
    "no rank": (dict(train="adapters", rank=0), "set it to 1 or more"),
    "masks without training": (dict(step_masks=0.1), "step_masks is 0.1, but nothing of the encoder is trained"),
    "a rate above 1": (dict(train="all", layer_drop=1.5), "set it to 0 to 1"),
    "no such projection": (dict(train="adapters", projections=("query",)), "the dense layers of this encoder are"),
}


@pytest.mark.parametrize(("changes", "says"), WRONG.values(), ids=WRONG)
def test_settings_that_the_encoder_cannot_follow_are_told(changes, says):
    with pytest.raises(UserError, match=says):
        tuning.describe_weights(dict(family="wav2vec2", weights=None) | changes, "sound")


def test_rates_of_masks_are_those_of_the_weights_unless_asked_otherwise(tmp_path):
    source = save(tmp_path, "wav2vec2_base", mask_time_prob=0.2, mask_feature_prob=0.01)
    rates = ("step_masks", "channel_masks", "layer_drop")

    def read(**changes):
        described = tuning.describe_weights(dict(weights=source) | changes, "sound")
        return tuple(described[name] for name in rates), EncoderSettings(**described)

    for train in ("all", "last", "adapters"):
        assert read(train=train)[0] == (0.2, 0.01, 0.1)
    assert read(train="nothing")[0] == (0, 0, 0)
    assert read(train="all", step_masks=0.0, layer_drop=0.3)[0] == (0, 0.01, 0.3)
    assert read()[0] == (0, 0, 0)
    tiny = tuning.describe_weights(dict(family="hubert", train="all"), "sound")
    assert [tiny[name] for name in rates] == [0, 0, 0]

    masked, unmasked = read(train="last", last=1)[1], read(train="last", last=1, step_masks=0.0)[1]
    assert "masked_spec_embed" not in front.load_submodules(unmasked)["pretrained"]
    tuning._read_parameters.cache_clear()
    kinds, _ = proof.read_case("wav2vec2_base")
    kept = front.load_submodules(masked)["pretrained"]["masked_spec_embed"]
    np.testing.assert_array_equal(kept, kinds["param"]["masked_spec_embed"])

    save(tmp_path, "wav2vec2_base", mask_time_prob=0.2, apply_spec_augment=False)
    assert read(train="all")[0] == (0, 0, 0.1)
    lacking = {name: value for name, value in kinds["param"].items() if name != "masked_spec_embed"}
    save(tmp_path, "wav2vec2_base", mask_time_prob=0.2)
    safetensors.numpy.save_file(lacking, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="lacks the array 'masked_spec_embed'"):
        tuning.load_parameters(read(train="all")[1])
    (tmp_path / "model.safetensors").unlink()
    save(tmp_path, "wav2vec2_base", mask_time_prob=1.2)
    with pytest.raises(UserError, match=r"step_masks is 1\.2 \(mask_time_prob of .*config\.json\); set it to 0 to 1"):
        read(train="all")
    with pytest.raises(UserError, match="layer_drop is 0.1, but encoders of words have none"):
        tuning.describe_weights(dict(family="bert", weights=None, train="all", layer_drop=0.1), "words")


def test_texts_are_numbered_by_the_tokenizer_of_the_weights(tmp_path):
    pytest.importorskip("tokenizers")
    processing = proof.DATA / "processing"
    (tmp_path / "tokenizer.json").write_bytes((processing / "bert_tokenizer.json").read_bytes())
    cases = json.loads((processing / "pieces.json").read_text())
    text, theirs = cases["texts"][0], cases["pieces"]["bert"][0]
    settings = EncoderSettings(weights=str(tmp_path), described=json.dumps(dict(model_type="bert", vocab_size=68)))
    np.testing.assert_array_equal(numbers.load_numbering(settings)(text.split())[:, 0], theirs)
    described = json.dumps(dict(model_type="bert", vocab_size=68, max_position_embeddings=6))
    assert len(numbers.load_numbering(dataclasses.replace(settings, described=described))(["cats"] * 9)) <= 6
    described = json.dumps(dict(model_type="bert", vocab_size=9))
    with pytest.raises(UserError, match=r"gives the piece \d+, but the encoder beside it knows 9"):
        numbers.load_numbering(dataclasses.replace(settings, described=described))(text.split())


def test_devices_of_a_cpu_use_the_hosts_copy():
    array = tuning.align(np.arange(99_999, dtype=np.float32))
    placed = mesh.replicate(mesh.make_mesh(2), array)
    assert {shard.data.unsafe_buffer_pointer() for shard in placed.addressable_shards} == {array.ctypes.data}


def test_unknown_activations_are_told(tmp_path):
    with pytest.raises(UserError, match="did you mean 'gelu'"):
        tuning.describe_weights(dict(weights=save(tmp_path, "bert", hidden_act="gelo")), "words")


def test_recordings_of_another_rate_are_refused():
    settings, _, _ = describe("wav2vec2_base")
    model = pretrained_speech.Model(encoder=settings, rate=8000.0)
    with pytest.raises(UserError, match=r"hears 16,000 Hz.*config\.corpus\.rate=16000"):
        model.init(
            jax.random.key(0), {"speech": jnp.zeros((1, 400, 1))}, {"speech": jnp.ones((1, 400), bool)}, train=False
        )
