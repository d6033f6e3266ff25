"""`config.model.encoder` of a pretrained model: sizes that its weights have become part of the config of the run."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from affect_jax.config.models import hears_waveforms, read_fields
from affect_jax.errors import UserError


def fit_encoder(document: Mapping[str, Any]) -> dict[str, Any]:
    """The config whose encoders are described by their own files; one without encoders comes back equal.

    Raises:
      UserError: weights cannot be read, or the encoder cannot do what is asked of it.
    """
    if not isinstance(document["model"], Mapping) or "name" not in document["model"]:
        return dict(document)
    studies = {name: _fit_study(document["model"], study) for name, study in document["studies"].items()}
    return {**document, "model": _fit_model(document["model"]), "studies": studies}


def _fit_model(model: Mapping[str, Any]) -> dict[str, Any]:
    # Other models have an encoder that is a word.
    if "encoder" not in model or not dataclasses.is_dataclass(read_fields(model).get("encoder")):
        return dict(model)
    encoder = model["encoder"]
    if not isinstance(encoder, Mapping):
        raise UserError(
            f"config.model.encoder is {encoder!r}; set the parts alone, as in --config.model.encoder.weights=DIR"
        )
    # Here, as reading configs without encoders should not wait for their files' libraries.
    from affect_jax.encoders.tuning import describe_weights

    return {**model, "encoder": describe_weights(encoder, "sound" if hears_waveforms(model) else "words")}


def _fit_study(model: Mapping[str, Any], study: Any) -> Any:
    """A study that changes the encoder, described anew."""
    own = study.get("model") if isinstance(study, Mapping) else None
    if not isinstance(own, Mapping) or not isinstance(own.get("encoder"), Mapping):
        return study
    base = model.get("encoder") if isinstance(model.get("encoder"), Mapping) else {}
    fitted = _fit_model({**model, **own, "encoder": {**base, **own["encoder"]}})
    return {**study, "model": {**own, "encoder": fitted["encoder"]}}
