"""One model, and clip after clip: what each of the three methods says. The model is compiled once."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation import attribution, lime
from affect_jax.evaluation.explanations.settings import Settings
from affect_jax.inference import deployment
from affect_jax.inference.speech_models import SpeechModel
from affect_jax.reports import explanations

TASKS = ("regression", "signed_regression", "multiclass")


def make_explainer(
    hearer: SpeechModel,
    settings: Settings,
    label: str = "",
    progress: Callable[[str, int, int], None] = lambda clip, done, of: None,
) -> Callable[[explanations.Clip], dict[str, Any]]:
    """One clip -> its entry, see `explanations.describe`.

    Args:
      hearer: the model.
      settings: how.
      label: the class to explain; '' takes the one that the model finds most probable.
      progress: is told a clip's id and how many passes of how many of one of its methods are done.

    Raises:
      UserError: answers that cannot be explained, or no such class; of a clip, fewer samples than super-samples.
    """
    if hearer.task not in TASKS:
        raise UserError(
            f"{hearer.title} is no model of raw speech that can be explained (task {hearer.task!r}); name one of "
            f"{', '.join(TASKS)}"
        )
    asked = _find_class(label, hearer) if label else None
    clip_id = ""

    def predict(waves_BxT: jax.Array) -> jax.Array:
        # Silence is a part of what the model hears, so nothing is masked: a clip of a batch is valid throughout.
        return deployment.predict_deployed(hearer.deployed, waves_BxT[..., None], jnp.ones(waves_BxT.shape, bool))

    def advance(done: int, of: int) -> None:
        progress(clip_id, done, of)

    evaluate = lime.make_evaluator(predict, batch=settings.batch, progress=advance)
    integrate = attribution.make_integrator(
        predict, steps=settings.steps, batch=max(settings.batch // 4, 1), progress=advance
    )
    keys = [jax.random.key(seed) for seed in range(settings.seeds)]

    def explain(clip: explanations.Clip) -> dict[str, Any]:
        nonlocal clip_id
        clip_id = clip.id
        if clip.length < settings.segments:
            raise UserError(f"{clip.id} has {clip.length} samples, too few for {settings.segments} super-samples")
        bounds = lime.compute_segment_bounds(clip.length, settings.segments)
        answer, chosen = evaluate(clip.x, bounds, np.ones((1, settings.segments), bool))[0], asked
        if answer.ndim:
            chosen = int(np.argmax(answer)) if asked is None else asked
            answer = lime.compute_probability(answer[None, :], chosen)[0][0]
        found = lime.explain_clip(
            evaluate,
            clip.x,
            bounds,
            keys,
            perturbations=settings.perturbations,
            kernel=settings.kernel,
            chosen=chosen,
            clip=settings.clip,
        )
        silenced = attribution.measure_occlusion(evaluate, clip.x, bounds, chosen)
        integrated = integrate(clip.x, chosen)
        entry = explanations.describe(clip, hearer.rate, float(answer), bounds, found, integrated, silenced)
        if chosen is not None:
            entry |= _name_class(clip, chosen, hearer.labels)
        if clip.planted is not None and len(clip.planted) == settings.segments:
            entry = explanations.beside_planted(entry, clip.planted)
        return {**entry, **hearer.about, "settings": settings._asdict()}

    return explain


def _find_class(label: str, hearer: SpeechModel) -> int:
    """The number of a class that is given by its name or its number."""
    if hearer.task != "multiclass":
        raise UserError(f"--label={label} names a class but {hearer.title} is a regression; leave it out")
    labels = hearer.labels
    names = [*labels, *(str(i) for i in range(len(labels)))]
    if label not in names:
        raise UserError(
            f"--label={label}{suggest_nearest(label, labels)} is no class of the model; choose {', '.join(labels)}"
        )
    return names.index(label) % len(labels)


def _name_class(clip: explanations.Clip, chosen: int, labels: Sequence[str]) -> dict[str, Any]:
    """The explained class and the true one by their names."""
    names = dict(enumerate(labels))
    target = None if clip.target is None else names.get(int(clip.target), str(int(clip.target)))
    return {"class": names.get(chosen, str(chosen)), "target": target}
