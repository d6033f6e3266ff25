"""One model, and clip after clip: what each of the three methods finds. The model is compiled once."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation import attribution, lime
from affect_jax.evaluation.explanations.clips import Clip, read_file_clips, read_run_clips
from affect_jax.evaluation.explanations.entry import Findings, add_planted, describe_clip
from affect_jax.evaluation.explanations.settings import Settings
from affect_jax.inference import deployment
from affect_jax.inference.speech_models import SpeechModel, is_converted, load_speech_model
from affect_jax.runtime.progress import Work

TASKS = ("regression", "signed_regression", "multiclass")


class Explainer:
    """Explains clips of one model.

    Attributes:
      model: the model.
      settings: how clips are explained.
    """

    def __init__(
        self,
        model: SpeechModel,
        settings: Settings,
        label: str | None = None,
        progress: Callable[[str, int, int], None] = lambda clip, done, total: None,
    ) -> None:
        """Prepares the three methods.

        Args:
          model: the model.
          settings: how.
          label: the class to explain; None for the one that the model finds most probable.
          progress: receives a clip's id, how many passes of one method are done, and how many there are.

        Raises:
          UserError: the model's predictions cannot be explained, or there is no such class.
        """
        if model.task not in TASKS:
            raise UserError(
                f"{model.title} is not a model of raw speech that can be explained (task {model.task!r}); choose one "
                f"of {', '.join(TASKS)}"
            )
        self.model, self.settings = model, settings
        self._class = None if label is None else _find_class(label, model)
        self._clip_id = ""

        def predict(params: Any, waves_BxT: jax.Array) -> jax.Array:
            # Silence is part of what the model reads, so no sample of a clip is masked.
            mask_BxT = jnp.ones(waves_BxT.shape, bool)
            return deployment.predict_deployed(model.deployed._replace(params=params), waves_BxT[..., None], mask_BxT)

        def advance(done: int, total: int) -> None:
            progress(self._clip_id, done, total)

        heard = lime.put_on_devices(jax.tree_util.Partial(predict, model.deployed.params))
        self._evaluate = lime.make_evaluator(heard, batch=settings.batch, progress=advance)
        # A backward pass keeps every layer's activations, hence the smaller batch.
        self._integrate = attribution.make_integrator(
            heard, steps=settings.steps, batch=max(settings.batch // 4, 1), progress=advance
        )
        self._keys = [jax.random.key(seed) for seed in range(settings.seeds)]

    def explain(self, clip: Clip) -> dict[str, Any]:
        """A clip's entry, see `entry.describe_clip`.

        Raises:
          UserError: the clip has fewer samples than super-samples.
        """
        self._clip_id, settings = clip.id, self.settings
        if clip.length < settings.segments:
            raise UserError(
                f"{clip.id} has {clip.length} samples, too few for {settings.segments} super-samples; lower --segments"
            )
        bounds = lime.compute_segment_bounds(clip.length, settings.segments)
        prediction, chosen = self._predict(clip, bounds)
        surrogate = lime.explain_clip(
            self._evaluate,
            clip.x,
            bounds,
            self._keys,
            perturbations=settings.perturbations,
            kernel=settings.kernel,
            chosen=chosen,
            clip=settings.clip,
        )
        silenced = attribution.measure_occlusion(self._evaluate, clip.x, bounds, chosen)
        integrated = self._integrate(clip.x, chosen)
        findings = Findings(prediction, bounds, surrogate, integrated, silenced)
        entry = describe_clip(clip, self.model.rate, findings)
        if chosen is not None:
            entry |= _name_classes(clip, chosen, self.model.labels)
        if clip.planted is not None and len(clip.planted) == settings.segments:
            entry = add_planted(entry, clip.planted)
        return {**entry, **self.model.about, "settings": settings._asdict()}

    def _predict(self, clip: Clip, bounds: np.ndarray) -> tuple[float, int | None]:
        """The prediction of the whole clip and None, or the probability of the explained class and its number."""
        prediction = self._evaluate(clip.x, bounds, np.ones((1, self.settings.segments), bool))[0]
        if not prediction.ndim:
            return float(prediction), None
        chosen = int(np.argmax(prediction)) if self._class is None else self._class
        return float(lime.compute_probability(prediction[None, :], chosen)[0][0]), chosen


def _find_class(label: str, model: SpeechModel) -> int:
    """The number of a class that is given by its name or its number."""
    if model.task != "multiclass":
        raise UserError(f"--label={label} names a class, but {model.title} is a regression; leave it out")
    labels = model.labels
    names = [*labels, *(str(i) for i in range(len(labels)))]
    if label not in names:
        raise UserError(
            f"--label={label}{suggest_nearest(label, labels)} is no class of the model; choose {', '.join(labels)}"
        )
    return names.index(label) % len(labels)


def _name_classes(clip: Clip, chosen: int, labels: Sequence[str]) -> dict[str, Any]:
    """The names of the explained class and of the true one."""
    names = dict(enumerate(labels))
    target = None if clip.target is None else names.get(int(clip.target), str(int(clip.target)))
    return {"class": names.get(chosen, str(chosen)), "target": target}


class Explained(NamedTuple):
    """A clip, the rate of its samples in Hz, and its entry."""

    clip: Clip
    rate: int
    entry: dict[str, Any]


def explain_clips(
    folder: Path,
    settings: Settings,
    *,
    ids: Sequence[str] = (),
    files: Sequence[str | Path] = (),
    variant: str | None = None,
    trial: int | None = None,
    label: str | None = None,
    skip: Callable[[str], None] = lambda problem: None,
) -> Iterator[Explained]:
    """Explains clips one after another, with their progress on standard error.

    Args:
      folder: of a finished run, or of launch.convert.
      settings: how.
      ids: clips of the run's corpus.
      files: sound files instead; without either, one clip of each case of section 3.4.1.
      variant: see `chosen_trial.choose_trial`.
      trial: see `chosen_trial.choose_trial`.
      label: the class to explain; None for the most probable one.
      skip: receives what is wrong with a file that cannot be explained; the others are.

    Raises:
      UserError: the run is unfinished or does not read raw speech; clips are missing; or clips were asked of a
        converted model, which has no corpus.
    """
    if not files and is_converted(folder):
        raise UserError(
            f"{folder} holds a converted model, which has no corpus to take {'--id' if ids else 'the four cases'} from"
            f"; name sound files, as in: --run={folder} talk.wav"
        )
    model = load_speech_model(folder, variant, trial)
    with Work() as work:
        explainer = Explainer(model, settings, label, work.progress)
        if not files:
            for clip in read_run_clips(folder, model, ids, work.say):
                yield Explained(clip, model.rate, explainer.explain(clip))
            return
        for clip in read_file_clips(files, model.rate, model.deployed.steps, skip):
            try:
                yield Explained(clip, model.rate, explainer.explain(clip))
            except UserError as error:
                skip(str(error))
