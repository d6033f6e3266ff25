"""Intra- and cross-modal attention fusion for emotions from several modalities (thesis chapter 4), on any corpus.

    python -m launch.main --config=configs/fusion.py                        # intra and cross on a synthetic IEMOCAP
    python -m launch.main --config=configs/fusion.py:all,iemocap --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/fusion.py:all,ravdess --config.corpus.manual_dir=RAVDESS_DIR
    python -m launch.main --config=configs/fusion.py --config.corpus.manifest=FILE.csv
    python -m launch.main --config=configs/fusion.py:trimodal,arrays --config.corpus.path=aligned_50.pkl

Argument: a set of studies (configs/fusion_sets.py: trimodal | moddrop | ablations | pairs | modalities | all), then a
corpus, then its labels, each with a default (trimodal,synthetic,emotion7). This file only picks among:

    synthetic        configs/fusion_synthetic.py   a small IEMOCAP of ours, models of fewer units
    iemocap          configs/fusion_iemocap.py     the features and folds of AMH's authors, which the thesis uses
    iemocap_release  configs/fusion_iemocap.py     the full release; without prosody, which AMH's authors do not explain
    ravdess          configs/fusion_ravdess.py     two modalities, A (MFCC) and V (action units), and so fewer studies
    clips            configs/fusion_clips.py       films, sound and words by extractors; in place of labels a corpus:
                                                   ravdess, iemocap or cmu_mosi
    manifest         configs/fusion_manifest.py    one's own, whatever modalities it has (docs/own_data.md)
    arrays           configs/fusion_manifest.py    padded arrays, as peers ship CMU-MOSI and others (docs/arrays.md)

"""

import ml_collections

from configs import base, fusion_clips, fusion_iemocap, fusion_manifest, fusion_ravdess, fusion_synthetic

FILES = {
    "synthetic": fusion_synthetic.get_config,
    "iemocap": fusion_iemocap.get_config,
    "iemocap_release": lambda argument: fusion_iemocap.get_config(f"{argument},release"),
    "ravdess": fusion_ravdess.get_config,
    "clips": fusion_clips.get_config,
    "manifest": fusion_manifest.get_config,
    "arrays": lambda argument: fusion_manifest.get_config(f"{argument},arrays"),
}
CORPORA = tuple(FILES)
LABELS = {"ravdess": "emotion", "clips": "ravdess"}


def get_config(argument: str = "trimodal") -> ml_collections.ConfigDict:
    """The config of one set of studies on one corpus."""
    chosen, corpus, labels = (*argument.split(","), "", "")[:3]
    corpus = base.parse_argument(corpus or "synthetic", CORPORA, "the corpus")
    config = FILES[corpus](f"{chosen},{labels or LABELS.get(corpus, 'emotion7')}")
    config.name = f"Attention fusion {chosen} {corpus} {labels or LABELS.get(corpus, 'emotion7')}"
    return config
