"""Attention fusion of whatever modalities one's own corpus has, for whatever label it has (docs/own_data.md).

    python -m launch.main --config=configs/fusion_manifest.py --config.corpus.manifest=FILE.csv
    python -m launch.main --config=configs/fusion_manifest.py:trimodal,arrays --config.corpus.path=aligned_50.pkl

Argument: a set of studies (configs/fusion_sets.py), and `arrays` for padded arrays (docs/arrays.md) instead of a
manifest. The corpus decides modalities, classes, sizes and losses; text, video and audio below only stand for what it
has.
"""

import ml_collections

from configs import base, fusion_iemocap, fusion_sets

MAP_STEPS = {"text": 0, "video": 0, "audio": 0}


def get_config(argument: str = "trimodal") -> ml_collections.ConfigDict:
    """The config of one set of studies."""
    chosen, *rest = argument.split(",")
    config = fusion_iemocap.get_config(f"{chosen},emotion7,release")
    config.corpus.name = "arrays" if "arrays" in rest else "manifest"
    config.model.map_steps = tuple(MAP_STEPS.values())
    config.studies = fusion_sets.make_studies(
        chosen, fusion_iemocap.MODALITIES, MAP_STEPS, dict(classes=7, prosody=""), moddrop_patience=10
    )
    config.study.seeds = 2  # for a first try; ten, as the thesis has, by a flag
    config.stages.fit.batch = base.left_open(int)  # what leaves an epoch several updates, 32 at most
    # Of arrays without a file, whose twin is small; a manifest always has one.
    config.synthetic = dict(
        model=dict(units=16, heads=2, hidden=16), study=dict(seeds=2), stages=dict(fit=dict(epochs=30))
    )
    return config
