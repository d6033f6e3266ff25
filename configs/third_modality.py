"""When does a third modality help? Co-learning with one, two and five teachers on a corpus with planted answers.

    python -m launch.main --config=configs/third_modality.py            # SEW, step by step
    python -m launch.main --config=configs/third_modality.py:seqsew     # SeqSEW, over sequences

Argument: sew | seqsew. The corpus is synthetic (affect_jax/datasets/planted): `weak` shows two halves of the affect,
teacher `first` knows one of them, and a second teacher beside it is redundant, complementary, distracting or noise.
All variants are trials of one program: a teacher that does not teach has weights of 0. "first x2" has twice the weights of
"first", so that a second teacher is not taken for more teaching. docs/third_modality.md has the answers.
"""

import ml_collections

from configs import common
from configs.common import Teachers

MODELS = ("sew", "seqsew")
WEAK = "weak"
TEACHERS = ("first", "redundant", "complementary", "distracting", "noise")
FEATURES = 60  # of every modality
# The sizes, weights and learning rate of SEW were chosen with a stand-in for it (translation alone) on worlds of the
# seed 100, not on those of the results. A wide code (16) or a light translation (1) show less of any teacher.
WEIGHTS = {
    "sew": dict(translation=10.0, reconstruction=1.0, alignment=0.1),
    "seqsew": dict(translation=10.0, alignment=0.1),
}
CODE = 6


def taught_by(stage: str, weights: dict[str, float], teachers: Teachers, *modalities: str, times: float = 1.0) -> dict:
    """A variant in which only these teach, with `times` the weights."""
    found = {}
    for m in teachers.names:
        for kind, value in weights.items():
            found[teachers.part(kind, m)] = times * value if m in modalities else 0.0
    return common.weight(stage, **found)


def variants(stage: str, weights: dict[str, float], teachers: Teachers) -> dict:
    """None, one, twice one, another alone, two, all."""

    def variant(*modalities: str, times: float = 1.0) -> dict:
        return taught_by(stage, weights, teachers, *modalities, times=times)

    first, *others = teachers.names
    return {
        "no teacher": variant(),
        first: variant(first),
        f"{first} x2": variant(first, times=2.0),
        **{m: variant(m) for m in others},
        **{f"{first}+{m}": variant(first, m) for m in others},
        "all five": variant(*teachers.names),
    }


def losses(weights: dict[str, float], teachers: Teachers) -> dict:
    """The target's, and of each teacher those in `weights`."""
    found = dict(prediction=common.loss("mse", "prediction", "target"))
    for m in teachers.names:
        for kind in weights:
            latent, inputs = teachers.output("latent/stronger", m), f"inputs/{m}"
            found[teachers.part(kind, m)] = (
                dict(common.alignment(), b=latent, k=4)
                if kind == "alignment"
                else common.loss("mse", teachers.output(kind, m), inputs)
            )
    return found


def sew(teachers: Teachers) -> dict:
    """Small SEW: one stage, in which teachers learn to reconstruct themselves."""
    count = len(teachers.names)
    parts = tuple(
        teachers.part(kind, m) for m in teachers.names for kind in ("stronger_encoder", "translator", "reconstructor")
    )
    return dict(
        model=dict(
            name="sew",
            weaker=WEAK,
            stronger=teachers.names,
            weaker_layers=(CODE,),
            stronger_layers=((CODE,),) * count,
            stronger_decoder_layers=((FEATURES,),) * count,
            regressor_width=16,
            regressor_layers=1,
        ),
        schedule=("fit",),
        stages=dict(
            fit=common.stage(
                ("weaker_encoder", "regressor", *parts),
                losses(WEIGHTS["sew"], teachers),
                optimizer=common.adam(3e-3, weight_decay=1e-4),
                metric="ccc",
                epochs=80,
                patience=25,
            )
        ),
        studies=dict(teachers=dict(variants=variants("fit", WEIGHTS["sew"], teachers))),
    )


def seqsew(teachers: Teachers) -> dict:
    """Small SeqSEW: each teacher learns the target first, in a stage of its own."""
    fitting = dict(optimizer=common.adam(3e-3), metric="ccc", epochs=60, patience=20, batch=8)
    stages = {}
    for m in teachers.names:
        who = teachers.output("/stronger", m)
        stages[teachers.part("teacher", m)] = common.stage(
            tuple(teachers.part(kind, m) for kind in ("stronger_encoder", "stronger_classifier")),
            dict(prediction=common.loss("mse", f"prediction{who}", "target")),
            prediction=f"prediction{who}",
            **fitting,
        )
    decoders = tuple(teachers.part("decoder", m) for m in teachers.names)
    stages["student"] = common.stage(
        ("weaker_encoder", "weaker_classifier", *decoders), losses(WEIGHTS["seqsew"], teachers), **fitting
    )
    return dict(
        model=dict(
            name="seqsew",
            weaker=WEAK,
            stronger=teachers.names,
            encoder="bigru",
            weaker_gru_layers=1,
            stronger_gru_layers=1,
            latent=CODE,
            classifier_width=16,
            activation="tanh",
            decoder_width=CODE,
            decoder_layers=1,
        ),
        schedule=tuple(stages),
        stages=stages,
        studies=dict(teachers=dict(variants=variants("student", WEIGHTS["seqsew"], teachers))),
    )


def get_config(argument: str = MODELS[0]) -> ml_collections.ConfigDict:
    """The config of one model."""
    common.choose("the model", argument, MODELS)
    teachers = Teachers(TEACHERS)
    unit = "frame" if argument == "sew" else "recording"
    config = dict(
        name=f"third modality {argument}",
        task="regression",
        corpus=dict(
            name="planted",
            data_dir="",
            synthetic=dict(scenarios=20, train=24, validation=8, test=24, steps=12, columns=FEATURES, seed=0),
        ),
        data=common.data((WEAK, *TEACHERS), "affect", unit, eval_size=64),
        **(sew if argument == "sew" else seqsew)(teachers),
        study=dict(only=(), folds=(), seeds=1),
        search=dict(grid={}, seeds=1),
        engine=common.engine(),
    )
    return ml_collections.ConfigDict(config)
