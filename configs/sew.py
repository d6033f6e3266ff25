"""SEW: a stronger modality teaches a weaker one, frame by frame (thesis 5.2.2; one column of table 5.2).

    python -m launch.main --config=configs/sew.py    # arousal,geo+audio on a small synthetic RECOLA
    python -m launch.main --config=configs/sew.py:valence,audio+geo --config.corpus.manual_dir=DIR

Argument: target,weaker+stronger: arousal,geo+audio | arousal,app+audio | valence,audio+geo | valence,app+audio |
valence,app+geo; with two teachers (thesis 6.2): arousal,geo+audio+app | arousal,app+audio+geo | valence,audio+app+geo |
valence,app+audio+geo.
On the synthetic corpus: 67 s on two cores; CCC .71, geo alone .54, audio alone .75 (validation split).
One run trains SEW, its four ablations and a regressor on each modality alone. The thesis has .565 (CCC on the
development split of the real RECOLA) for arousal geo(+audio), .482 for geo alone, .761 for audio alone. The thesis'
grid of 125 loss weights: docs/studies.md.
"""

import ml_collections

from configs import base

PAIRS = ("arousal,geo+audio", "arousal,app+audio", "valence,audio+geo", "valence,app+audio", "valence,app+geo")
SEVERAL = ("arousal,geo+audio+app", "arousal,app+audio+geo", "valence,audio+app+geo", "valence,app+audio+geo")
ARGUMENTS = PAIRS + SEVERAL

# Widths of table 5.1's networks. An encoder ends in the code, of 168 where the appearance takes part, else of 128.
ENCODERS = {"video_geometric": (512, 256), "audio": (108,), "video_appearance": ()}
DECODERS = {"video_geometric": (256, 512, 632), "audio": (108, 88), "video_appearance": (168,)}


def get_config(argument: str = PAIRS[0]) -> ml_collections.ConfigDict:
    """The config of one target and weaker modality with one or more teachers."""
    target, _, names = base.parse_argument(argument, ARGUMENTS, "the target and modalities").partition(",")
    weaker, *stronger = (base.RECOLA[name] for name in names.split("+"))
    code = 168 if "video_appearance" in (weaker, *stronger) else 128

    config = dict(name=f"SEW {target} {names}", task="regression")
    config["corpus"] = base.recola()
    config["data"] = base.data((weaker, *stronger), target, unit="frame", eval_size=1024)

    config["model"] = dict(
        name="sew",
        weaker=weaker,
        stronger=tuple(stronger),
        weaker_layers=(*ENCODERS[weaker], code),
        stronger_layers=tuple((*ENCODERS[m], code) for m in stronger),
        stronger_decoder_layers=tuple(DECODERS[m] for m in stronger),
        regressor_width=120,
        regressor_layers=4,
        classes=0,
    )

    losses = dict(prediction=base.mse("prediction", "target"))  # L4
    for m in stronger:
        losses[f"translation_{m}"] = base.mse(f"translation/{m}", f"inputs/{m}")  # alpha L1, eq. 5.2
        losses[f"reconstruction_{m}"] = base.mse(f"reconstruction/{m}", f"inputs/{m}")  # beta L2, eq. 5.3
        losses[f"alignment_{m}"] = base.deep_cca("latent/weaker", f"latent/{m}")  # gamma L3, eq. 5.4

    teaching = [f"{part}_{m}" for m in stronger for part in ("stronger_encoder", "translator", "reconstructor")]
    config["schedule"] = ("fit",)
    config["stages"] = dict(
        fit=base.stage(
            train=("weaker_encoder", "regressor", *teaching),
            losses=losses,
            optimizer=base.sgd(learning_rate=1e-3, momentum=0.7, weight_decay=1e-4),
            monitor="ccc",
            epochs=50,
            patience=10,
        )
    )

    # Trials of one program: only weights of losses differ.
    config["studies"] = dict(teachers=dict(variants=_vary(stronger)))
    # Other shapes, so a study each: the regressor on the features of one modality.
    for m in (weaker, *stronger):
        config["studies"][f"unimodal_{m}"] = dict(
            model=dict(weaker=m, stronger=(), weaker_layers=(), stronger_layers=(), stronger_decoder_layers=()),
            stages=dict(fit=dict(train=("regressor",), losses={name: None for name in losses if name != "prediction"})),
            variants={f"unimodal {m}": {}},
        )

    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    # An epoch has 71 updates here, against 2,110 on RECOLA.
    config["synthetic"] = dict(stages=dict(fit=dict(optimizer=dict(learning_rate=0.02), epochs=15)))
    return ml_collections.ConfigDict(config)


def _vary(stronger: list[str]) -> dict:
    """The ablations of table 5.2; of several teachers: all, each alone, none."""

    def without(*teachers: str) -> dict:
        kinds = ("translation", "reconstruction", "alignment")
        return base.weights("fit", **{f"{kind}_{m}": 0.0 for m in teachers for kind in kinds})

    if len(stronger) == 1:
        m = stronger[0]
        return {
            "SEW": {},
            "-S_D2": base.weights("fit", **{f"reconstruction_{m}": 0.0}),
            "-CCA": base.weights("fit", **{f"alignment_{m}": 0.0}),
            "-S_D1": base.weights("fit", **{f"translation_{m}": 0.0}),
            "-(CCA & S_D1)": base.weights("fit", **{f"alignment_{m}": 0.0, f"translation_{m}": 0.0}),
        }
    alone = {f"{m} alone": without(*(other for other in stronger if other != m)) for m in stronger}
    return {"all teachers": {}, **alone, "no teacher": without(*stronger)}
