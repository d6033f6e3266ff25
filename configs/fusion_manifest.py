"""Attention fusion of whatever modalities one's own corpus has, for whatever label it has (docs/own_data.md).

    python -m launch.main --config=configs/fusion_manifest.py --config.corpus.manifest=FILE.csv

Argument: a set of studies (configs/fusion_sets.py). The manifest decides modalities, classes, sizes and losses; text,
video and audio below only stand for what it has.
"""

import ml_collections

from configs import fusion_iemocap, fusion_sets

MAP_STEPS = {"text": 0, "video": 0, "audio": 0}


def get_config(argument: str = "trimodal") -> ml_collections.ConfigDict:
    """The config of one set of studies."""
    chosen, *_ = argument.split(",")
    config = fusion_iemocap.get_config(f"{chosen},emotion7,release")
    config.corpus.name = "manifest"
    config.model.map_steps = tuple(MAP_STEPS.values())
    config.studies = fusion_sets.make_studies(
        chosen, fusion_iemocap.MODALITIES, MAP_STEPS, dict(classes=7, prosody=""), moddrop_patience=10
    )
    return config
