"""SEW's regressor on each modality alone (thesis 5.3.2; one line of table 5.1): which modality is the stronger one?

    python -m launch.main --config=configs/sew_unimodal.py:arousal --config.corpus.manual_dir=DIR

Argument: arousal | valence. The thesis has CCC .761 / .482 / .492 for audio / geometric / appearance on arousal and
.543 / .643 / .489 on valence (development part of real RECOLA).
"""

import ml_collections

from configs import common, sew

TARGETS = ("arousal", "valence")


def get_config(argument: str = TARGETS[0]) -> ml_collections.ConfigDict:
    """The config of one target."""
    target = common.choose("the target", argument, TARGETS)
    config = sew.get_config(f"{target},app+audio").to_dict()
    alone = config["studies"]["weaker"]
    config |= dict(
        name=f"SEW unimodal {target}",
        studies={
            modality: dict(
                override=dict(alone["override"], model=dict(alone["override"]["model"], weaker=modality)),
                drop=alone["drop"],
                variants={"regressor": {}},
            )
            for modality in common.RECOLA.values()
        },
    )
    config["data"]["modalities"] = tuple(common.RECOLA.values())
    return ml_collections.ConfigDict(config)
