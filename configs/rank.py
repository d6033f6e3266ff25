"""Which modality is the stronger one (thesis 5.2.1)? A model of each modality alone, over folds and seeds, ranked.

    python -m launch.main --config=configs/rank.py                     # a synthetic IEMOCAP, small models
    python -m launch.main --config=configs/rank.py:mosi --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/rank.py:manifest --config.corpus.manifest=FILE.csv
    python -m launch.report runs/rank_mosi --out=DIR                   # the ranking as md, csv and LaTeX

Argument: synthetic (the default) | iemocap | iemocap_release | ravdess: intra-modal attention of table 4.1; one label
an item.
mosi | recola,arousal | recola,valence: the bi-GRU with transformer encoder of tables 5.4 and 5.5; labels per step.
manifest: one's own corpus with one label an item; manifest,sequence: with labels per step, or groups of items as
sequences (docs/own_data.md).

Modalities have other shapes, so each is a study of one run. The run ends with the table: mean validation score, which
ranks, the test score beside it, paired tests (also corrected for overlapping folds and for their number), and the pair
that co-learning should use, which configs/seqsew.py:auto finds by itself. On CMU-MOSI the thesis has text before audio
and video (accuracy 80.3, 61.0, 60.8).
"""

import ml_collections

from configs import common, fusion, seqsew_unimodal

SEQUENCES = {**{argument: argument for argument in seqsew_unimodal.ARGUMENTS}, "manifest,sequence": "mosi"}
ARGUMENTS = (*fusion.CORPORA, *SEQUENCES)


def get_config(argument: str = ARGUMENTS[0]) -> ml_collections.ConfigDict:
    """The config of one corpus, and its target where that has several."""
    common.choose("the corpus", argument, ARGUMENTS)
    if argument in SEQUENCES:
        config = seqsew_unimodal.get_config(SEQUENCES[argument]).to_dict()
        config["corpus"]["name"] = "manifest" if argument == "manifest,sequence" else config["corpus"]["name"]
        encoder = "/bigru+te"
        studies = {name.removesuffix(encoder): s for name, s in config["studies"].items() if name.endswith(encoder)}
    else:
        config = fusion.get_config(f"modalities,{argument}").to_dict()
        alone = {name: study["override"]["model"]["modalities"] for name, study in config["studies"].items()}
        studies = {some[0]: config["studies"][name] for name, some in alone.items() if len(some) == 1}
        config["data"]["modalities"] = tuple(studies)
    config |= dict(
        name=f"Modality ranking {argument}",
        studies={modality: dict(study, variants={modality: {}}) for modality, study in studies.items()},
        search=dict(grid={}, seeds=1),
    )
    return ml_collections.ConfigDict(config)
