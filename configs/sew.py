"""SEW on RECOLA: a stronger modality teaches a weaker one, frame by frame (thesis 5.2.2; one column of table 5.2).

    python -m launch.main --config=configs/sew.py    # arousal,geo+audio on a synthetic corpus
    python -m launch.main --config=configs/sew.py:valence,audio+geo --config.corpus.manual_dir=DIR

Argument: arousal,geo+audio | arousal,app+audio | valence,audio+geo | valence,app+audio | valence,app+geo
(target, weaker + stronger).
One run trains the model, its four ablations and both unimodal regressors over the seeds. The thesis has .565 (CCC on
the development part, real RECOLA) for arousal geo(+audio), .482 for geo alone, .761 for audio alone.
The 125-point grid of loss weights: --config.search.grid=... see docs/studies.md.
"""

import ml_collections

from configs import common

PAIRS = ("arousal,geo+audio", "arousal,app+audio", "valence,audio+geo", "valence,app+audio", "valence,app+geo")
ENCODERS = {"geo": (512, 256), "audio": (108,), "app": ()}
DECODERS = {"geo": (256, 512, 632), "audio": (108, 88), "app": (168,)}


def get_config(argument: str = PAIRS[0]) -> ml_collections.ConfigDict:
    """The config of one target and pair."""
    common.choose("the target and pair", argument, PAIRS)
    target, pair = argument.split(",")
    weaker, stronger = pair.split("+")
    latent = 168 if "app" in (weaker, stronger) else 128
    names = {"weaker": common.RECOLA[weaker], "stronger": common.RECOLA[stronger]}
    alone = dict(stronger=None, stronger_layers=(), stronger_decoder_layers=(), weaker_layers=())
    co_learning = tuple(f"stages.fit.losses.{name}" for name in ("translation", "reconstruction", "alignment"))
    config = dict(
        name=f"SEW {target} {weaker}(+{stronger})",
        task="regression",
        corpus=common.recola(target),
        data=common.data(tuple(names.values()), target, "frame", eval_size=1024),
        model=dict(
            name="sew",
            **names,
            weaker_layers=(*ENCODERS[weaker], latent),
            stronger_layers=(*ENCODERS[stronger], latent),
            stronger_decoder_layers=DECODERS[stronger],
            regressor_width=120,
            regressor_layers=4,
        ),
        schedule=("fit",),
        stages=dict(
            fit=common.stage(
                ("weaker_encoder", "regressor", "stronger_encoder", "translator", "reconstructor"),
                dict(
                    prediction=common.loss("mse", "prediction", "target"),
                    translation=common.loss("mse", "translation", f"inputs/{names['stronger']}"),
                    reconstruction=common.loss("mse", "reconstruction", f"inputs/{names['stronger']}"),
                    alignment=common.alignment(),
                ),
                optimizer=common.sgd(1e-3, momentum=0.7, weight_decay=1e-4),
                metric="ccc",
                epochs=50,
                patience=10,
            )
        ),
        studies=dict(
            pair=dict(
                cells={
                    "SEW": {},
                    "-S_D2": common.weight("fit", reconstruction=0.0),
                    "-CCA": common.weight("fit", alignment=0.0),
                    "-S_D1": common.weight("fit", translation=0.0),
                    "-(CCA & S_D1)": common.weight("fit", alignment=0.0, translation=0.0),
                }
            ),
            **{
                who: dict(
                    override=dict(model=dict(alone, weaker=names[who]), stages=dict(fit=dict(train=("regressor",)))),
                    drop=co_learning,
                    cells={f"unimodal {who}": {}},
                )
                for who in ("weaker", "stronger")
            },
        ),
        study=dict(only=(), folds=(), seeds=3),
        search=dict(grid={}, seeds=1),
        engine=common.engine(),
    )
    return ml_collections.ConfigDict(config)
