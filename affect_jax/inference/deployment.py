"""The deployed submodules of a trained model: the student's encoder and head for SEW and SeqSEW, nothing of a teacher.

Models of one modality, and models that fuse several, are deployed whole.
"""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from affect_jax.config.load import read_experiment
from affect_jax.config.models import make_model
from affect_jax.config.schema import Data, Experiment
from affect_jax.data.windows import WindowPlan
from affect_jax.datasets.input_form import InputForm, decode_form, encode_form, select_modalities
from affect_jax.errors import UserError, join_words
from affect_jax.experiment import ensembles, kept_weights
from affect_jax.experiment.calibrations import Calibration, calibrate_trials
from affect_jax.experiment.chosen_trial import Choice
from affect_jax.experiment.results_file import CorpusRecord, Results, TrialResult, read_results
from affect_jax.inference import export_folder
from affect_jax.runtime import files, run_folder, run_identity
from affect_jax.training import checkpoint, step

PLATFORMS = ("cpu", "cuda", "tpu")


class Input(NamedTuple):
    """How one modality's raw features enter the model.

    Attributes:
      mean: float32 [D], subtracted; [0] for a waveform, which comes RMS-normalised.
      scale: float32 [D], divided by; [1] for a waveform.
      steps: padded length of a sequence; None where an example is one frame.
    """

    mean: np.ndarray
    scale: np.ndarray
    steps: int | None


class Deployed(NamedTuple):
    """One trial of a run, reduced to what predicts.

    Attributes:
      model: the module.
      params: the submodules in `model.deployed`, and the statistics of batch norms.
      inputs: modality -> how it enters: the student's alone, or all that a fusion model reads.
      item: True where a whole sequence has one prediction, False where every step has one.
      trial: its entry in results.json; None for a converted model.
      trained: what an export says about the run: `task`, `target`, `labels` of classes, `corpus`, for raw speech its
        `rate` in Hz, else None, and for words what makes them into numbers, else None.
      windows: in which longer sequences are read, as in evaluation; None for whole ones.
      form: how the inputs were made of files; None where that is not known, and only features themselves are taken.
      delay: steps by which predictions are moved back, as the labels were moved in training.
      number: of the trial in results.json; None for a converted model, and for an ensemble.
      members: numbers of the trials of an ensemble, whose `params` have an axis of them in front; () for one trial.
      calibration: how far to trust what it says, as its validation split tells; None where that is not known.
      affine: scale and offset by which a number is mapped to the labels, float32 each, or [S] of an ensemble; None for
        what the model gives.
    """

    model: Any
    params: dict[str, Any]
    inputs: dict[str, Input]
    item: bool
    trial: TrialResult | None
    trained: dict[str, Any]
    windows: WindowPlan | None = None
    form: InputForm | None = None
    delay: int = 0
    number: int | None = None
    members: tuple[int, ...] = ()
    calibration: Calibration | None = None
    affine: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def modality(self) -> str:
        """The only modality; the names joined by `+` where there are several."""
        return "+".join(self.inputs)

    @property
    def steps(self) -> int | None:
        """Padded length of the first modality."""
        return next(iter(self.inputs.values())).steps


def load_deployed(run: Path, number: int) -> Deployed:
    """Reads trial `number` of a finished run.

    Raises:
      UserError: the run is unfinished or damaged.
    """
    results = read_results(run)
    if not (run / "weights").is_dir():
        raise UserError(kept_weights.describe_missing(run, results, [number]))
    experiment = read_experiment(run)
    trial = results.trials[number]
    leaves, meta = _read_trial_weights(run, results, number)
    model = make_model(meta["model"])
    params, mean, scale = checkpoint.split_by_prefix(leaves, ("params", "mean", "scale"))
    shared = kept_weights.restore_shared(run, trial.study, model, run_identity.read_identity(run))
    modalities = list_inputs(model)
    deployed = (*model.deployed, step.STATISTICS)
    return Deployed(
        model=model,
        params=checkpoint.nest_leaves({k: v for k, v in params.items() if k.split("/")[0] in deployed}) | shared,
        inputs={m: Input(mean[m], scale[m], meta["steps"][m]) for m in modalities},
        item=meta["unit"] == "item",
        trial=trial,
        trained={
            "task": results.task,
            "target": experiment.data.target,
            "labels": list(results.corpus.labels),
            "corpus": summarize_corpus(results.corpus),
            "rate": find_speech_rate(experiment.corpus.settings, "+".join(modalities)),
            "moddrop": _is_dropping(experiment, trial.study),
            "postprocessing": _name_postprocessing(experiment.data),
            "within": experiment.data.standardize_within,
            "average": experiment.data.average,
            "words": _describe_words(model, kept_weights.locate_tokenizer(run, trial.study, model)),
        },
        windows=plan_windows(experiment.data),
        form=select_modalities(decode_form(meta["inputs"]), modalities) if "inputs" in meta else None,
        delay=experiment.data.delay,
        number=number,
        affine=trial.affine and (np.float32(trial.affine.scale), np.float32(trial.affine.offset)),
    )


def _describe_words(model: Any, tokenizer: Path | None) -> dict[str, Any] | None:
    """What makes words into the numbers that a model reads, `encoders.numbers`; None for models of anything else."""
    if not getattr(model, "reads_words", False):
        return None
    encoder = {name: getattr(model.encoder, name) for name in ("weights", "family", "described")}
    return {"encoder": encoder, "tokenizer": str(tokenizer.absolute()) if tokenizer else None}


def _copy_tokenizer(described: dict[str, Any], out: Path) -> dict[str, Any]:
    """`describe_deployed` of an export in `out`, which has the tokenizer of a model of words beside it."""
    words = described["trained"].get("words")
    if not words or not words["tokenizer"]:
        return described
    out.mkdir(parents=True, exist_ok=True)
    path = Path(words["tokenizer"])
    files.write_atomic(out / path.name, path.read_bytes())
    return {**described, "trained": {**described["trained"], "words": {**words, "tokenizer": path.name}}}


def load_ensemble(run: Path, numbers: Sequence[int]) -> Deployed:
    """Reads trials of a finished run that differ in their seed alone, as one model that averages what they say.

    Raises:
      UserError: the run is unfinished or damaged.
    """
    members = [load_deployed(run, number) for number in numbers]
    params = jax.tree.map(lambda *leaves: np.stack(leaves), *(member.params for member in members))
    maps = [member.affine for member in members]
    affine = None if None in maps else tuple(np.stack(values) for values in zip(*maps, strict=True))
    return members[0]._replace(params=params, number=None, members=tuple(numbers), affine=affine)


def load_calibrated(run: Path, choice: Choice, members: Sequence[int] = (), method: str = "temperature") -> Deployed:
    """The chosen trial, or the ensemble of these members, with its calibration where predictions tell it.

    Raises:
      UserError: the run is unfinished or damaged.
    """
    deployed = load_ensemble(run, members) if members else load_deployed(run, choice.number)
    if deployed.trained.get("postprocessing"):  # what validation tells is of numbers that single files do not get
        return deployed
    return deployed._replace(calibration=calibrate_trials(run, choice.results, members or (choice.number,), method))


def name_trials(deployed: Deployed) -> str:
    """`trial 3`, or `the ensemble of trials 0, 1 and 2`."""
    if not deployed.members:
        return f"trial {deployed.number}"
    return f"the ensemble of trials {join_words([str(number) for number in deployed.members])}"


def plan_windows(data: Data) -> WindowPlan | None:
    """The windows in which `config.data` has recordings evaluated; None for whole ones."""
    if data.unit not in ("recording", "window") or not data.window:
        return None
    return WindowPlan(data.unit, data.window, data.hop if data.unit == "recording" else data.window)


def _is_dropping(experiment: Experiment, study: str) -> bool:
    """Whether a study was trained with modalities dropped at random."""
    (stages,) = (one.stages for one in experiment.studies if one.name == study)
    return any(stage.moddrop for stage in stages)


def _name_postprocessing(data: Data) -> str:
    """What the run did with all predictions of a split together, which those of single files lack; '' for nothing."""
    is_stretched = data.rescale == "authors"
    names = [("AVEC's post-processing", data.postprocess), ("rescaling to the range of the labels", is_stretched)]
    return " and ".join(name for name, is_done in names if is_done)


def _read_trial_weights(run: Path, results: Results, number: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Name -> array of one trial, and what its checkpoint says about the model."""
    study = results.trials[number].study
    # Checkpoints count the trials of their own study.
    within_study = number - next(i for i, trial in enumerate(results.trials) if trial.study == study)
    folder, identity = run_folder.locate_weights(run, study), run_identity.read_identity(run)
    for batch in sorted(folder.glob("[0-9]*")):
        leaves, meta = checkpoint.restore_checkpoint(batch, identity) or ({}, {"first": 0, "trials": 0})
        place = within_study - meta["first"]
        if 0 <= place < meta["trials"]:
            return {name: leaf[place] for name, leaf in leaves.items()}, meta
    raise UserError(kept_weights.describe_missing(run, results, [number]))


def summarize_corpus(corpus: CorpusRecord) -> dict[str, Any]:
    """What is said about a corpus beside every prediction of a model that was trained on it."""
    return {"name": corpus.name, "form": corpus.form, "synthetic": corpus.synthetic}


def find_speech_rate(corpus: Mapping[str, Any], modality: str) -> int | None:
    """Hz of the raw speech that a run reads as `modality`; None where `modality` is something else, or several."""
    is_raw = corpus.get("sound") == "waveform" and "+" not in modality
    return corpus.get("rate") if modality == "speech" or is_raw else None


def list_inputs(model: Any) -> tuple[str, ...]:
    """The modalities that a model's deployed submodules read."""
    if hasattr(model, "modalities"):
        names = tuple(model.modalities)[: 1 if getattr(model, "deploys_first", False) else None]
    else:  # a model of one modality calls it so, and SEW and SeqSEW deploy the weaker one
        names = (getattr(model, "modality", None) or model.weaker,)
    prosody = getattr(model, "prosody", "")  # the compared fusion methods read it beside the audio
    return (*names, prosody) if prosody and model.audio in names else names


Arrays = jax.Array | Mapping[str, jax.Array]
"""An array of the only modality, or modality -> array."""


def predict_deployed(deployed: Deployed, features: Arrays, mask: Arrays) -> jax.Array:
    """Prediction from raw (not standardised) features.

    Args:
      deployed: from `load_deployed`.
      features: float32 [B, T, D], or [B, D] for a model of single frames; a waveform is [B, T, 1] with a root mean
        square of 1 over its own samples. Modality -> array where the model reads several.
      mask: bool [B, T] or [B]; modality -> array where the model reads several. All False where one is missing.

    Returns:
      float32 with the mask's shape, 0 where the mask is False; logits of C classes have one more axis. Items have [B],
      or [B, C] logits.
    """
    values, masks = _predict_members(deployed, features, mask)
    value = values[0] if len(values) == 1 else _average_members(deployed.trained["task"], values)
    return _mask_steps(deployed, value, masks)


def measure_disagreement(deployed: Deployed, features: Arrays, mask: Arrays) -> jax.Array:
    """How far the members of an ensemble disagree about each prediction, float32 of its shape without classes.

    Of classes the mutual information of answer and member, in nats: the mean divergence of their probabilities from the
    average (N. Houlsby et al., "Bayesian active learning for classification and preference learning", 2011). Of numbers
    the standard deviation. Args: see `predict_deployed`.
    """
    values, masks = _predict_members(deployed, features, mask)
    if deployed.trained["task"] == "multiclass":
        logs = jax.nn.log_softmax(values)
    elif deployed.trained["task"] == "binary":
        logs = jnp.log(jnp.clip(jnp.stack([1 - values, values], -1), 1e-7, 1))
    else:
        return _mask_steps(deployed, values.std(0), masks)
    mean = jax.nn.logsumexp(logs, axis=0, keepdims=True) - math.log(len(values))
    return _mask_steps(deployed, jnp.maximum((jnp.exp(logs) * (logs - mean)).sum(-1).mean(0), 0.0), masks)


def _predict_members(deployed: Deployed, features: Arrays, mask: Arrays) -> tuple[jax.Array, dict[str, jax.Array]]:
    """What each member says [S, ...], one after the other as a CPU likes it, and the masks; S is 1 of one trial."""
    if not isinstance(features, Mapping):
        features, mask = {deployed.modality: features}, {deployed.modality: mask}
    inputs, masks = {}, dict(mask)
    for name, (mean, scale, _) in deployed.inputs.items():
        lead = (None,) * (features[name].ndim - 1)
        inputs[name] = jnp.where(mask[name][..., None], (features[name] - mean[lead]) / scale[lead], 0.0)

    def predict_member(member: tuple[Any, Any]) -> jax.Array:
        params, affine = member
        value = deployed.model.apply(step.split_variables(params), inputs, masks, method="deploy")
        return value if affine is None else affine[0] * value + affine[1]

    if not deployed.members:
        return predict_member((deployed.params, deployed.affine))[None], masks
    return jax.lax.map(predict_member, jax.tree.map(jnp.asarray, (deployed.params, deployed.affine))), masks


def _average_members(task: str, values: jax.Array) -> jax.Array:
    """As `ensembles.average_predictions`: numbers and probabilities [S, ...], or the probabilities of logits."""
    if task != "multiclass":
        return values.mean(0)
    mean = jax.nn.logsumexp(jax.nn.log_softmax(values), axis=0) - math.log(len(values))
    return jnp.maximum(mean, math.log(ensembles.LEAST))


def _mask_steps(deployed: Deployed, value: jax.Array, mask: Mapping[str, jax.Array]) -> jax.Array:
    """0 where a step is masked, of several modalities in all of them; what is said of an item stays."""
    if deployed.item:
        return value
    valid = functools.reduce(jnp.logical_or, [mask[name] for name in deployed.inputs])
    return jnp.where(valid if value.ndim == valid.ndim else valid[..., None], value, 0.0)


def describe_deployed(deployed: Deployed) -> dict[str, Any]:
    """What is known of a model beside its arithmetic, as an export's description has it."""
    return {
        "number": deployed.number,
        "members": list(deployed.members),
        "affine": None if deployed.affine is None else np.stack(deployed.affine, -1).astype(float).tolist(),
        "calibration": dataclasses.asdict(deployed.calibration) if deployed.calibration else None,
        "trial": dataclasses.asdict(deployed.trial),
        "trained": deployed.trained,
        "made_of": encode_form(deployed.form) if deployed.form else None,
        "windows": deployed.windows._asdict() if deployed.windows else None,
        "delay": deployed.delay,
    }


def export_deployed(deployed: Deployed, out: Path, provenance: dict[str, Any]) -> dict[str, Any]:
    """Writes `model.jax` (which needs jax alone), `params.npz` and `description.json` to `out`.

    The artifact of an ensemble has a second output, how far its members disagree.

    The artifact takes any batch size and, where every step has a prediction, any length; items have one length.
    `export_folder.read_export` reads it back.

    Returns:
      The description.
    """
    scope = jax_export.SymbolicScope()
    arguments = {}
    for name, (mean, _, steps) in deployed.inputs.items():
        dims = f"b, {steps if deployed.item else 't'}" if steps else "b"
        shape = jax_export.symbolic_shape(f"{dims}, {len(mean)}", scope=scope)
        arguments[name] = jax.ShapeDtypeStruct(shape, jnp.float32), jax.ShapeDtypeStruct(shape[:-1], jnp.bool_)
    several = len(arguments) > 1
    if several:
        features, mask = ({name: pair[k] for name, pair in arguments.items()} for k in (0, 1))
    else:
        features, mask = arguments[deployed.modality]
    both = bool(deployed.members)
    predict = jax.jit(
        lambda x, m: (
            (predict_deployed(deployed, x, m), measure_disagreement(deployed, x, m))
            if both
            else predict_deployed(deployed, x, m)
        )
    )
    artifact = jax_export.export(predict, platforms=PLATFORMS)(features, mask)
    leaves = checkpoint.flatten_leaves(deployed.params)
    description = {
        "file": "model.jax",
        "how": "jax.export.deserialize(open('model.jax', 'rb').read()).call(features, mask)",
        "inputs": export_folder.describe_inputs(artifact, tuple(deployed.inputs)),
        **({"takes": "features and mask by modality; all False where one is missing"} if several else {}),
        "standardised_inside": True,
        "output": {
            "dtype": "float32",
            "shape": export_folder.format_shape(artifact.out_avals[0].shape),
            "unit": "item" if deployed.item else "step",
            "meaning": "prediction (logits of classes)" if deployed.item else "prediction; 0 where mask is False",
        },
        **({"second_output": "how far the members disagree about it"} if both else {}),
        "platforms": list(PLATFORMS),
        "parameters": int(sum(leaf.size for leaf in leaves.values())),
        "submodules": sorted(deployed.params),
        **_copy_tokenizer(describe_deployed(deployed), out),
        "provenance": provenance,
    }
    return export_folder.write_export(out, bytes(artifact.serialize()), leaves, description)
