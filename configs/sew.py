"""SEW on RECOLA: a stronger modality teaches a weaker one, frame by frame (thesis 5.2.2; one column of table 5.2).

    python -m launch.main --config=configs/sew.py    # arousal,geo+audio on a synthetic corpus
    python -m launch.main --config=configs/sew.py:valence,audio+geo --config.corpus.manual_dir=DIR

Argument: arousal,geo+audio | arousal,app+audio | valence,audio+geo | valence,app+audio | valence,app+geo
(target, weaker + stronger); with two stronger modalities (thesis 6.2): arousal,geo+audio+app | arousal,app+audio+geo |
valence,audio+app+geo | valence,app+audio+geo.
One run trains the model, its four ablations and both unimodal regressors over the seeds. The thesis has .565 (CCC on
the development part, real RECOLA) for arousal geo(+audio), .482 for geo alone, .761 for audio alone.
The 125-point grid of loss weights: --config.search.grid=... see docs/studies.md.
Several stronger modalities have three parts and losses each (`translator_audio`, `translation_audio`), and variants with
all of them, with each alone and with none.
"""

import ml_collections

from configs import common
from configs.common import Teachers

PAIRS = ("arousal,geo+audio", "arousal,app+audio", "valence,audio+geo", "valence,app+audio", "valence,app+geo")
SEVERAL = ("arousal,geo+audio+app", "arousal,app+audio+geo", "valence,audio+app+geo", "valence,app+audio+geo")
ARGUMENTS = PAIRS + SEVERAL
ENCODERS = {"geo": (512, 256), "audio": (108,), "app": ()}
DECODERS = {"geo": (256, 512, 632), "audio": (108, 88), "app": (168,)}


LOSSES = ("translation", "reconstruction", "alignment")


def teaching(teachers: Teachers, modality: str) -> dict:
    """The losses by which a stronger modality teaches the weaker one, and learns its own code."""
    return {
        **{
            teachers.part(kind, modality): common.loss("mse", f"{kind}/{modality}", f"inputs/{modality}")
            for kind in ("translation", "reconstruction")
        },
        teachers.part("alignment", modality): common.alignment(modality),
    }


def without(teachers: Teachers, *modalities: str) -> dict:
    """A variant in which these do not teach."""
    return common.weight("fit", **{teachers.part(kind, m): 0.0 for m in modalities for kind in LOSSES})


def variants(teachers: Teachers, short: dict[str, str]) -> dict:
    """The ablations of table 5.2; of several teachers: all, each alone, none."""
    if len(teachers.names) == 1:
        return {
            "SEW": {},
            "-S_D2": common.weight("fit", reconstruction=0.0),
            "-CCA": common.weight("fit", alignment=0.0),
            "-S_D1": common.weight("fit", translation=0.0),
            "-(CCA & S_D1)": common.weight("fit", alignment=0.0, translation=0.0),
        }
    others = {m: [other for other in teachers.names if other != m] for m in teachers.names}
    alone = {f"{short[m]} alone": without(teachers, *others[m]) for m in teachers.names}
    return {"all teachers": {}, **alone, "no teacher": without(teachers, *teachers.names)}


def get_config(argument: str = PAIRS[0]) -> ml_collections.ConfigDict:
    """The config of one target and weaker modality with one or more stronger ones."""
    common.choose("the target and modalities", argument, ARGUMENTS)
    target, modalities = argument.split(",")
    weaker, *stronger = modalities.split("+")
    latent = 168 if "app" in (weaker, *stronger) else 128
    teachers = Teachers(tuple(common.RECOLA[m] for m in stronger))
    short = dict(zip(teachers.names, stronger, strict=True))
    several = len(stronger) > 1
    encoders, decoders = (tuple((*ENCODERS[m], latent) for m in stronger), tuple(DECODERS[m] for m in stronger))
    alone = dict(stronger=(), stronger_layers=(), stronger_decoder_layers=(), weaker_layers=())
    taught = {name: loss for m in teachers.names for name, loss in teaching(teachers, m).items()}
    parts = teachers.submodules("stronger_encoder", "translator", "reconstructor")
    # Unimodal regressors: name of the study -> (modality, name of the variant).
    unimodal = {"weaker": (common.RECOLA[weaker], "unimodal weaker")}
    for m in teachers.names:
        unimodal[teachers.part("stronger", m)] = m, f"unimodal {short[m] if several else 'stronger'}"
    config = dict(
        name=f"SEW {target} {weaker}(+{'+'.join(stronger)})",
        task="regression",
        corpus=common.recola(),
        data=common.data((common.RECOLA[weaker], *teachers.names), target, "frame", eval_size=1024),
        model=dict(
            name="sew",
            weaker=common.RECOLA[weaker],
            stronger=teachers.names,
            weaker_layers=(*ENCODERS[weaker], latent),
            stronger_layers=encoders,
            stronger_decoder_layers=decoders,
            regressor_width=120,
            regressor_layers=4,
        ),
        schedule=("fit",),
        stages=dict(
            fit=common.stage(
                ("weaker_encoder", "regressor", *parts),
                dict(prediction=common.loss("mse", "prediction", "target"), **taught),
                optimizer=common.sgd(1e-3, momentum=0.7, weight_decay=1e-4),
                metric="ccc",
                epochs=50,
                patience=10,
            )
        ),
        studies=dict(
            {"teachers" if several else "pair": dict(variants=variants(teachers, short))},
            **{
                study: dict(
                    override=dict(model=dict(alone, weaker=modality), stages=dict(fit=dict(train=("regressor",)))),
                    drop=tuple(f"stages.fit.losses.{name}" for name in taught),
                    variants={variant: {}},
                )
                for study, (modality, variant) in unimodal.items()
            },
        ),
        study=dict(only=(), folds=(), seeds=3),
        search=dict(grid={}, seeds=1),
        engine=common.engine(),
    )
    return ml_collections.ConfigDict(config)
