"""Which modality is the stronger one (thesis 5.2.1)? A model of each modality alone, over folds and seeds, ranked.

    python -m launch.main --config=configs/rank.py                     # a synthetic IEMOCAP, small models
    python -m launch.main --config=configs/rank.py:mosi --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/rank.py:manifest --config.corpus.manifest=FILE.csv
    python -m launch.main --config=configs/rank.py:arrays --config.corpus.path=aligned_50.pkl
    python -m launch.report runs/rank_mosi --out=DIR                   # the ranking as md, csv and LaTeX

Argument: synthetic (the default) | iemocap | iemocap_release | ravdess: intra-modal attention of table 4.1; one label
an item.
mosi | recola,arousal | recola,valence: the bi-GRU with transformer encoder of tables 5.4 and 5.5; labels per step.
manifest: one's own corpus with one label an item; manifest,sequence: with labels per step, or groups of items as
sequences (docs/own_data.md). arrays and arrays,sequence: the same of padded arrays (docs/arrays.md).
On the synthetic corpus: 67 s on two cores; text 54 %, audio 29 %, video 20 % accuracy (majority 22 %).
Modalities have other shapes, so each is a study of one run. The run ends with the table: mean validation score, which
ranks, the test score beside it, paired tests (also corrected for overlapping folds and for their number), and the pair
that co-learning should use, which configs/seqsew.py:auto finds by itself. On CMU-MOSI the thesis has text before audio
and video (accuracy 80.3, 61.0, 60.8).
"""

import ml_collections

from configs import base, fusion, seqsew_unimodal

OWN_SEQUENCES = ("manifest,sequence", "arrays,sequence")
SEQUENCES = {argument: argument for argument in seqsew_unimodal.ARGUMENTS} | dict.fromkeys(OWN_SEQUENCES, "mosi")
ARGUMENTS = (*fusion.CORPORA, *SEQUENCES)
ENCODER = "bigru+te"
# Half of the thesis' widths and one layer of each kind: people's first question is which modality is the stronger one.
SEQUENCE_SIZES = dict(latent=50, feed_forward=100, transformer_layers=1, classifier_width=100)
SEQUENCE_TRAINING = dict(optimizer=base.adam(1e-3), batch=16, epochs=20, patience=5)


def get_config(argument: str = ARGUMENTS[0]) -> ml_collections.ConfigDict:
    """The config of one corpus, and its target where that has several."""
    base.parse_argument(argument, ARGUMENTS, "the corpus")
    if argument in SEQUENCES:
        return ml_collections.ConfigDict(make(argument))
    config = fusion.get_config(f"modalities,{argument}")
    config.name = f"Modality ranking {argument}"
    alone = {name: study.model.modalities for name, study in config.studies.items() if len(study.model.modalities) == 1}
    config.studies = {m: dict(config.studies[name], variants={m: {}}) for name, (m,) in alone.items()}
    config.data.modalities = tuple(m for (m,) in alone.values())
    if config.data.steps:
        config.data.steps = {m: config.data.steps.get_ref(m) for m in config.data.modalities}
    return config


def make(argument: str) -> dict:
    """The config of labels per step as a dict, which configs/seqsew.py:auto has as its ranking."""
    config = seqsew_unimodal.make(SEQUENCES[argument])
    config["name"] = f"Modality ranking {argument}"
    is_own = argument in OWN_SEQUENCES
    if is_own:
        config["corpus"]["name"] = argument.partition(",")[0]
        config["model"] = dict(config["model"], **SEQUENCE_SIZES)
        config["stages"]["fit"] |= SEQUENCE_TRAINING
        config["study"] = base.trials(seeds=2)  # for a first try
    modalities = config["data"]["modalities"]
    config["studies"] = {m: dict(config["studies"][f"{m}/{ENCODER}"], variants={m: {}}) for m in modalities}
    if is_own:
        for study in config["studies"].values():
            study["model"] = dict(study["model"], weaker_gru_layers=1)
    config["search"] = base.search()
    return config
