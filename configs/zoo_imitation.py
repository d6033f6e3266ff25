"""Co-learning methods of several steps or of turns: place -> a study with the variants itself and control.

The last modality of a corpus is deployed; the control learns nothing of the others.
"""

from collections.abc import Callable
from typing import Any

from configs import base
from configs.zoo_place import Place, Study, make_stage

_STREAMS = ("student", "hallucinations")


def _label(output: str, weight: float = 1.0) -> dict[str, Any]:
    """The loss by which an output learns the label."""
    return base.loss("cross_entropy", output, "target", weight)


def _teach_first(place: Place) -> dict[str, Any]:
    """The stage in which the teachers learn the label, each alone."""
    losses = {f"taught_{m}": _label(f"logits/{m}") for m in place.modalities[::-1][1:]}
    return make_stage(place, ("teachers",), losses, "prediction/teachers")


def _make_study(name: str, place: Place, stages: dict[str, Any], lessons: dict[str, Any], **sizes: Any) -> Study:
    """A study whose control has none of the `lessons`, stage -> names of its losses of a teacher."""
    control: dict[str, Any] = {}
    for stage, losses in lessons.items():
        control |= base.weights(stage, **dict.fromkeys(losses, 0.0))["stages"]
    model = dict(name=name, modalities=place.modalities[::-1], classes=place.classes, **sizes)
    model["per_step"] = place.per_step
    variants = {name: {}, "control": dict(stages=control)}
    return dict(model=model, stages=stages, schedule=tuple(stages), variants=variants)


def _hallucinate(place: Place) -> Study:
    """Student and hallucination learn by all their heads; the sum over units of the squares, as in the paper."""
    teachers = place.modalities[::-1][1:]
    own = {f"imagined_{m}": _label(f"logits/hallucination/{m}") for m in teachers}
    lessons = {f"joint_{m}": _label(f"logits/joint/{m}") for m in teachers}
    lessons |= {f"imitated_{m}": base.mse(f"imitation/{m}", f"imitated/{m}", place.width) for m in teachers}
    fit = dict(train=_STREAMS, losses=dict(alone=_label("logits/student"), **own, **lessons))
    stages = dict(teachers=_teach_first(place), fit=fit)
    return _make_study("hallucination", place, stages, dict(fit=lessons), width=place.width)


def _distil(place: Place) -> Study:
    """Single streams; student with teachers; hallucinations; student with hallucinations. Weights of the public code:
    half the label, half the teacher's softened logits (temperature 10), .01 times the sum of squares."""
    teachers, temperature = place.modalities[::-1][1:], 10.0
    single = make_stage(place, ("student",), dict(alone=_label("logits/student")), "prediction/student")
    together = dict(pair=_label("logits/pair"))
    pair = make_stage(place, ("student", "teachers"), together, "prediction/pair")
    hard = {f"imagined_{m}": _label(f"logits/hallucination/{m}", 0.5) for m in teachers}
    lessons: dict[str, Any] = {
        f"soft_{m}": base.loss("kl", f"logits/hallucination/{m}", f"logits/{m}", 0.5, temperature=temperature)
        for m in teachers
    }
    lessons |= {f"imitated_{m}": base.mse(f"imitation/{m}", f"imitated/{m}", 0.01 * place.width) for m in teachers}
    imagined = make_stage(place, ("hallucinations",), {**hard, **lessons})
    stages = dict(teachers=_teach_first(place), single=single, pair=pair, hallucinations=imagined)
    stages["fit"] = dict(train=_STREAMS)
    lessons_of = dict(pair=together, hallucinations=lessons)
    return _make_study("modality_distillation", place, stages, lessons_of, width=place.width)


def _fool(place: Place) -> Study:
    """Single streams; student with teachers; hallucinations and what judges them, in turn; student with them."""
    teachers = place.modalities[::-1][1:]
    single = make_stage(place, ("student",), dict(alone=_label("logits/student")), "prediction/student")
    together = dict(pair=_label("logits/pair"))
    pair = make_stage(place, ("student", "teachers"), together, "prediction/pair")
    own = {f"imagined_{m}": _label(f"logits/hallucination/{m}") for m in teachers}
    judging = {f"judging_{m}": base.codes("adversary", f"real/{m}", f"imitated/{m}") for m in teachers}
    fooling = {f"fooling_{m}": base.loss("fool", f"imitated/{m}", "target") for m in teachers}
    turns = dict(
        judge=base.turn(("discriminator",), tuple(judging), optimizer=base.adam(1e-4)),
        fool=base.turn(("hallucinations",), (*own, *fooling)),
    )
    imagined = make_stage(place, ("discriminator", "hallucinations"), {**own, **judging, **fooling})
    imagined |= dict(turns=turns, cycle=("judge", "fool"))
    stages = dict(teachers=_teach_first(place), single=single, pair=pair, hallucinations=imagined)
    stages["fit"] = dict(train=_STREAMS)
    sizes = dict(width=place.width, bottleneck=place.width, judge=2 * place.width)
    return _make_study("admd", place, stages, dict(pair=together, hallucinations={**judging, **fooling}), **sizes)


def _transfer(place: Place) -> Study:
    """The teachers first; then decoder, discriminator, what fools it, and classifier take turns."""
    teachers = place.modalities[::-1][1:]
    decoding = {f"decoding_{m}": base.mse(f"decoded/{m}", f"embedding/{m}") for m in teachers}
    judging = {f"judging_{m}": base.codes("adversary", f"real/{m}", f"imitated/{m}") for m in teachers}
    fooling = {f"fooling_{m}": base.loss("fool", f"imitated/{m}", "target") for m in teachers}
    turns = dict(
        decode=base.turn(("decoder", "student"), tuple(decoding)),
        judge=base.turn(("discriminator",), tuple(judging)),
        fool=base.turn(("student",), tuple(fooling)),
        classify=base.turn(("student", "classifier"), ("prediction",)),
    )
    lessons = {**decoding, **judging, **fooling}
    train = ("student", "classifier", "decoder", "discriminator")
    fit = dict(train=train, losses=lessons, turns=turns, cycle=("decode", "judge", "fool", "classify"))
    stages = dict(teachers=_teach_first(place), fit=fit)
    return _make_study("hmtl", place, stages, dict(fit=lessons), units=place.width)


IMITATION: dict[str, Callable[[Place], Study]] = {
    "hallucination": _hallucinate,
    "modality_distillation": _distil,
    "admd": _fool,
    "hmtl": _transfer,
}
