r"""DIAGNOSIS, NEVER A RESULT: how many points does choosing the epoch on the test split give?

    python -m benchmarks.chosen_on_test --manual_dir=DIR

The public code of MU-SA and CAT-LSTM keeps the epoch that does best on the test split, and the thesis ran that code for
two rows of table 5.6. Here the utterances of CMU-MOSI's videos are classified from one modality alone, with the same
training videos, seeds and settings, and the epoch is chosen once on the fold's validation videos and once on the test
videos themselves. Both are trials of one program; no run folder is left.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import app, flags

from affect_jax.config.load import load_config
from affect_jax.data import splits
from affect_jax.data.folds import FoldMembers
from affect_jax.experiment.open_run import LoadedCorpus, load_corpus, open_run
from affect_jax.experiment.study import run_study
from affect_jax.runtime import run_folder, run_identity
from configs import unimodal_mosi

FLAGS = flags.FLAGS
SEEN = ", epoch chosen on test"
"""Ends the name of a fold whose validation recordings are copies of the test recordings."""
SCORES = ("accuracy", "weighted_f1")


def select_on_test(corpus: LoadedCorpus, data: object) -> LoadedCorpus:
    """The corpus with each fold twice: as it is, and validated on copies of the test recordings."""
    test = corpus.recordings.splits["test"]
    copies = [r._replace(id=r.id + SEEN, group=r.group + SEEN) for r in test]
    seen = tuple(copy.id for copy in copies)
    members = [*corpus.members, *(FoldMembers(fold.name + SEEN, fold.train, seen) for fold in corpus.members)]
    development = splits.build_split([*corpus.recordings.splits["train"], *copies], data)
    examples = np.concatenate([corpus.test_examples] * 2)
    return corpus._replace(members=members, development=development, test_examples=examples)


def make_config(study: str, manual_dir: str | None, seeds: int) -> object:
    """The config of one study of configs/unimodal_mosi.py."""
    config = unimodal_mosi.get_config()
    config.corpus.manual_dir = manual_dir
    config.study.only = (study,)
    config.study.seeds = seeds
    return config


def measure(study: str, manual_dir: str | None, seeds: int) -> dict[str, np.ndarray]:
    """Score -> [2, trials] in percent, of the test split: with the epoch chosen on validation, and on test."""
    experiment = load_config(make_config(study, manual_dir, seeds))
    corpus = select_on_test(load_corpus(experiment), experiment.data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_folder.open_run_folder(folder, {}, f"diagnosis of {study}")
        identity = run_identity.claim_run_folder(folder, corpus.recordings.fingerprint, corpus.members)
        with open_run(experiment, folder, corpus, identity, is_board_written=False) as run:
            trials = run_study(run, experiment.studies[0]).trials
    scores = {}
    for score in SCORES:
        of_fold = {fold.name: [t.test[score] for t in trials if t.fold == fold.name] for fold in corpus.members}
        pairs = [(of_fold[name], of_fold[name + SEEN]) for name in of_fold if not name.endswith(SEEN)]
        scores[score] = 100 * np.array(pairs).swapaxes(0, 1).reshape(2, -1)
    return scores


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    del argv
    print("DIAGNOSIS, never a result: test scores in percent, mean over folds and seeds")
    print("| study | score | epoch by validation | epoch by test | difference, sd over trials |")
    print("| --- | --- | ---: | ---: | ---: |")
    for study in FLAGS.studies:
        for score, (chosen, seen) in measure(study, FLAGS.manual_dir, FLAGS.seeds).items():
            gain = seen - chosen
            cells = f"{chosen.mean():.1f} | {seen.mean():.1f} | {gain.mean():+.1f} ± {gain.std(ddof=1):.1f}"
            print(f"| {study} | {score} | {cells} |", flush=True)


if __name__ == "__main__":
    flags.DEFINE_string("manual_dir", None, "CMU-MOSI's files; default: a synthetic corpus.")
    studies = ["video/mu_sa", "audio/mu_sa", "video/catlstm", "audio/catlstm"]
    flags.DEFINE_list("studies", studies, "Of configs/unimodal_mosi.py.")
    flags.DEFINE_integer("seeds", 3, "Of each fold.")
    app.run(main)
