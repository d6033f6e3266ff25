"""Co-learning methods of the zoo: place -> a study with the variants itself and control.

The last modality of a corpus is deployed; the control learns nothing of the others.
"""

import itertools
from collections.abc import Callable
from typing import Any

from configs import base
from configs.zoo_place import Place, Study, make_stage


def _translate(name: str, place: Place, kind: str = "mse", back: bool = True, **fields: Any) -> Study:
    """The last modality is deployed and, in training, translated into the others, and back from the first of them."""
    modalities = place.modalities[::-1]
    losses = {
        f"translation_{m}": base.loss(kind, f"translation/{m}", f"inputs/{m}", weight=0.1)
        for m in (modalities if back else modalities[1:])
    }
    control = base.weights("fit", **dict.fromkeys(losses, 0.0))
    model = dict(name=name, modalities=modalities, classes=place.classes, units=place.width, **fields)
    return dict(model=model, stages=dict(fit=dict(losses=losses)), variants={name: {}, "control": control})


def _align(place: Place) -> Study:
    """Each modality learns by its own loss; the worse one's map follows the better one's. The last one is deployed."""
    modalities = place.modalities[::-1]
    losses: dict[str, Any] = {f"branch_{m}": base.loss("cross_entropy", f"logits/{m}", "target") for m in modalities}
    pairs = {
        f"aligned_{m}+{n}": dict(kind="ssa", a=f"map/{m}", b=f"map/{n}", weight=5e-3, beta=2.0)
        for m, n in itertools.combinations(modalities, 2)
    }
    model = dict(name="mtut", modalities=modalities, classes=place.classes, widths=(place.width, place.width))
    stages = dict(fit=dict(losses=dict(prediction=None) | losses | pairs))
    return dict(
        model=model, stages=stages, variants={"mtut": {}, "control": base.weights("fit", **dict.fromkeys(pairs, 0.0))}
    )


def _teach_views(place: Place) -> Study:
    """A network of all modalities learns first, and then teaches one of the last modality alone."""
    joint = dict(teacher=base.loss("cross_entropy", "logits/teacher", "target"))
    teacher = make_stage(place, ("teacher", "teacher_head"), joint, "prediction/teacher")
    lessons = dict(
        near=base.codes("contrastive", "latent/student", "latent/teacher", margin=1.0),
        soft=base.loss("kl", "logits", "logits/teacher", temperature=2.0),
    )
    fit = dict(train=("student", "student_head"), losses=lessons)
    return _teach("multiview", place, dict(teacher=teacher, fit=fit), _sizes(place), dict(fit=lessons))


def _transfer(place: Place) -> Study:
    """Teachers of the other modalities learn first; the student learns what they say, and its control the labels."""
    others = place.modalities[::-1][1:]
    labels = {f"taught_{m}": base.loss("cross_entropy", f"logits/{m}", "target") for m in others}
    soft = {f"soft_{m}": base.loss("kl", "logits", f"logits/{m}", 1 / len(others), temperature=2.0) for m in others}
    nothing = dict(prediction=base.loss("cross_entropy", "logits", "target", weight=0.0))
    fit = dict(train=("student", "student_head"), losses=nothing | soft)
    stages = dict(teachers=make_stage(place, ("teachers",), labels, "prediction/teachers"), fit=fit)
    sizes = dict(widths=(place.width, place.width), per_step=place.per_step)
    return _teach("crossmodal_transfer", place, stages, sizes, dict(fit=soft), dict(prediction=1.0))


def _learn_mutually(place: Place) -> Study:
    """All modalities learn, and the last one is used; the control learns from that alone."""
    joint = dict(joint=base.loss("cross_entropy", "logits/joint", "target"))
    nothing = dict(prediction=base.loss("cross_entropy", "logits", "target", weight=0.0))
    stages = dict(fit=dict(losses=nothing | joint))
    return _teach("mutual_learning", place, stages, _sizes(place), dict(fit=joint), dict(prediction=1.0))


def _make_codes(place: Place) -> Study:
    """Codes learn to correlate and to make one another without labels; then what is deployed learns from these."""
    modalities, code = place.modalities[::-1], max(place.width // 4, 4)
    pairs = itertools.combinations(modalities, 2)
    losses = {f"correlated_{m}+{n}": base.deep_cca(f"latent/{m}", f"latent/{n}", top=code // 2) for m, n in pairs}
    losses |= {f"made_{m}": base.mse(f"code/{m}", f"goal/{m}") for m in modalities[1:]}
    codes = make_stage(place, ("encoder", "teachers", "translators"), losses) | dict(keep="last", patience=0)
    stages = dict(codes=codes, fit=dict(train=("encoder", "translators", "classifier")))
    sizes = dict(widths=(place.width, code), per_step=place.per_step)
    return _teach("dcc_cae", place, stages, sizes, dict(codes=losses))


def _share(place: Place, name: str, triplets: bool) -> Study:
    """Modalities share their upper layers and take turns: each batch is one update of the last, then one of the others.
    Of EmoBed, codes of one label are near one another in any modality."""
    modalities = place.modalities[::-1]
    losses = {f"beside_{m}": base.loss("cross_entropy", f"logits/{m}", "target") for m in modalities[1:]}
    for m, n in itertools.combinations(modalities, 2) if triplets else ():
        losses[f"near_{m}+{n}"] = base.codes("triplet", f"latent/{m}", f"latent/{n}", weight=0.1, margin=1.0)
    turns = dict(own=base.turn(("*",), ("prediction",)), beside=base.turn(("*",), tuple(losses)))
    fit = dict(losses=losses, turns=turns, cycle=("own", "beside"))
    study = _teach("emobed", place, dict(fit=fit), _sizes(place), dict(fit=losses))
    return study | dict(variants={name: {}, "control": study["variants"]["control"]})


def _sizes(place: Place) -> dict[str, Any]:
    return dict(units=place.width, per_step=place.per_step)


def _teach(
    name: str,
    place: Place,
    stages: dict[str, Any],
    sizes: dict[str, Any],
    lessons: dict[str, Any],
    labels: dict[str, float] | None = None,
) -> Study:
    """A study whose control has none of the `lessons`, stage -> its losses of a teacher, and of the last stage's other
    losses the weights `labels`."""
    weights = {stage: dict.fromkeys(losses, 0.0) for stage, losses in lessons.items()}
    if labels:
        weights["fit"] |= labels
    control: dict[str, Any] = {"stages": {}}
    for stage, of_stage in weights.items():
        control["stages"] |= base.weights(stage, **of_stage)["stages"]
    model = dict(name=name, modalities=place.modalities[::-1], classes=place.classes, **sizes)
    schedule = dict(schedule=tuple(stages)) if len(stages) > 1 else {}
    return dict(model=model, stages=stages, variants={name: {}, "control": control}) | schedule


def _learn_alone(place: Place) -> Study:
    """The deployed modality by itself: what all methods have to be better than."""
    summary = "statistics" if place.sequences else "mean"
    model = dict(name="early", modalities=place.modalities[-1:], classes=place.classes, hidden=(place.width,))
    return dict(model=model | dict(summary=summary), variants=dict(alone={}))


COLEARNING: dict[str, Callable[[Place], Study]] = {
    "mctn": lambda place: _translate("mctn", place),
    "mctn_multibench": lambda place: _translate(
        "mctn_multibench", place, regressor_units=place.width, head=place.width
    ),
    "seq2seq2sentiment": lambda place: _translate("seq2seq2sentiment", place, "mae", back=False),
    "mtut": _align,
    "multiview": _teach_views,
    "crossmodal_transfer": _transfer,
    "mutual_learning": _learn_mutually,
    "dcc_cae": _make_codes,
    "emobed": lambda place: _share(place, "emobed", triplets=True),
    "implicit_fusion": lambda place: _share(place, "implicit_fusion", triplets=False),
}

ALONE = {"alone": _learn_alone}
