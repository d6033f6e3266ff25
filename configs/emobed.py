"""EmoBed and implicit fusion, compared rows of tables 5.3 and 5.7: another modality trains beside the deployed one.

    python -m launch.main --config=configs/emobed.py    # arousal,geo+audio on a small synthetic RECOLA
    python -m launch.main --config=configs/emobed.py:valence,audio+app --config.corpus.manual_dir=DIR

Argument: target,weaker+stronger, as of configs/sew.py: arousal,geo+audio | arousal,app+audio | valence,audio+geo |
valence,audio+app | valence,app+audio.
Frames are read alone, as in the paper. The modalities take turns, a batch each; of EmoBed the codes of frames with
near labels are near one another in either modality (triplets), implicit fusion is the same without, and `control`
learns nothing of the other modality. Widths are SEW's, which the thesis took from EmoBed; the margin, how near labels
count as one and the weights are chosen.
The thesis quotes CCC .527 (arousal geometric), .549 (arousal appearance) and .521 (valence audio) for EmoBed.
"""

import ml_collections

from configs import base

PAIRS = ("arousal,geo+audio", "arousal,app+audio", "valence,audio+geo", "valence,audio+app", "valence,app+audio")


def get_config(argument: str = PAIRS[0]) -> ml_collections.ConfigDict:
    """The config of one target and a weaker modality that another one trains beside."""
    target, _, names = base.parse_argument(argument, PAIRS, "the target and modalities").partition(",")
    weaker, stronger = (base.RECOLA[name] for name in names.split("+"))

    config = dict(name=f"EmoBed {target} {names}", task="regression", corpus=base.recola())
    config["data"] = base.data((weaker, stronger), target, unit="frame", eval_size=1024)
    config["model"] = dict(name="emobed", modalities=(weaker, stronger), classes=0, units=120)
    config["schedule"] = ("fit",)
    losses = dict(
        prediction=base.mse("prediction", "target"),
        beside=base.mse(f"prediction/{stronger}", "target"),
        near=base.codes("triplet", f"latent/{weaker}", f"latent/{stronger}", weight=0.1, margin=1.0, near=0.1),
    )
    turns = dict(own=base.turn(("*",), ("prediction",)), beside=base.turn(("*",), ("beside", "near")))
    config["stages"] = dict(
        fit=base.stage(
            train=("*",),
            losses=losses,
            optimizer=base.adam(1e-3),
            monitor="ccc",
            epochs=50,
            patience=10,
            turns=turns,
            cycle=("own", "beside"),
        )
    )
    variants = {
        "EmoBed": {},
        "implicit fusion": base.weights("fit", near=0.0),
        "control": base.weights("fit", near=0.0, beside=0.0),
    }
    config["studies"] = dict(teachers=dict(variants=variants))
    config["study"] = base.trials(seeds=3)
    config["search"] = base.search()
    config["engine"] = base.engine()
    config["synthetic"] = dict(stages=dict(fit=dict(epochs=10)))
    return ml_collections.ConfigDict(config)
