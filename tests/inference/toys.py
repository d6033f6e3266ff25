"""Deployed parts whose models are a line each, so that exports are made in a moment."""

import flax.linen as nn
import jax
import numpy as np

from affect_jax.inference import deployment, export_folder, predict_inputs, predictor
from affect_jax.inference.inputs import collect_requests
from tests import run_results


class Steps(nn.Module):
    """A number a step of one modality: with a bias, so that a step's answer tells whether it was masked."""

    def deploy(self, inputs, masks):
        """float32 [B, T] or [B]."""
        (name,) = inputs
        return nn.Dense(1)(inputs[name])[..., 0]

    deploy = nn.compact(deploy)


class SeveralSteps(nn.Module):
    """A number a step, a sum over modalities, with biases."""

    @nn.compact
    def deploy(self, inputs, masks):
        """float32 [B, T] or [B]."""
        return sum(nn.Dense(1, name=name)(inputs[name])[..., 0] for name in sorted(inputs))


class Item(nn.Module):
    """Logits of an item, of the sums over the steps of all its modalities."""

    @nn.compact
    def deploy(self, inputs, masks):
        """float32 [B, 3]."""
        sums = []
        for name in sorted(inputs):
            x = nn.Dense(3, name=name)(inputs[name]) * masks[name][..., None]
            sums.append(x.sum(1) if x.ndim == 3 else x)
        return sum(sums)


def deployed(model, seed=0, *, item=False, task="regression", labels=(), rate=None, **steps):
    """A Deployed: `model` with random numbers; `steps` as modality=(columns, its Input.steps)."""
    draw = np.random.default_rng(seed)
    widths = {name: width for name, (width, _) in steps.items()}
    parts = [f"{name}" for name in steps] if item or len(steps) > 1 else ["Dense_0"]
    out = 3 if item else 1
    params = {
        part: {
            "kernel": draw.normal(size=(width, out)).astype(np.float32),
            "bias": draw.normal(size=out).astype(np.float32),
        }
        for part, width in zip(parts, widths.values(), strict=True)
    }
    inputs = {
        name: deployment.Input(
            draw.normal(size=width).astype(np.float32), draw.uniform(1, 2, size=width).astype(np.float32), length
        )
        for name, (width, length) in steps.items()
    }
    corpus = {"name": "toy", "form": "v", "synthetic": True}
    trained = {"task": task, "target": "y", "labels": list(labels), "corpus": corpus, "rate": rate}
    trained |= {"moddrop": False, "postprocessing": ""}
    return deployment.Deployed(model, params, inputs, item, run_results.make_trial(variant="toy", seed=seed), trained)


def open_export(model, folder):
    """The predictor of an export of a Deployed."""
    deployment.export_deployed(model, folder, {})
    return predictor.wrap_export(folder, export_folder.read_export(folder))


def predict_file(model, path):
    """(ids, values) that a predictor gives of one file."""
    (request,) = collect_requests(model, [path]).items
    said = predict_inputs.answer_recording(model, request.read())
    return said.ids, said.values


def answer(model, features, masks):
    """What deploy.predict says, of arrays without the axis of the batch."""
    one = isinstance(features, np.ndarray)
    features, masks = ({"x": features}, {"x": masks}) if one else (features, masks)
    sides = [{name: np.asarray(x)[None] for name, x in side.items()} for side in (features, masks)]
    predict = jax.jit(lambda *sides: deployment.predict_deployed(model, *sides))
    return np.asarray(predict(*(side["x"] if one else side for side in sides)))[0]
