r"""A rehearsal of CMU-MOSI: its trap, made anew inside the training split, so that set-ups can be compared honestly.

    python -m benchmarks.mosi_rehearsal --manual_dir=MOSI_DIR --out=FOLDER --fold=0
    python -m launch.main --config=configs/recipes/mosi_utterances.py --config.corpus.manual_dir=FOLDER

The release's text and video features come from networks that learned the labels of the whole training split, so what is
held out of it says nothing, and the test split may choose nothing. Here its 62 training videos alone are used. A third
of them plays the test split. Of the words of the others a small network of 100 hidden units learns the labels by heart;
what these units say of an utterance are its text features, as in the release: too good where the labels were seen,
honest where not. Audio is the release's, which knows no labels. Video knows those of all 62, so in the played test
split utterances have one another's: it says nothing there, as in the release (a linear model has .52). Neither a
feature nor a label of the test split is read. The folder has the release's form and is marked as synthetic.
"""

import argparse
import hashlib
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from affect_jax.datasets.cmu_mosi import poria_release
from affect_jax.datasets.cmu_mosi.poria_release import MODALITIES, RELEASE, SPLITS, Video
from affect_jax.datasets.cmu_mosi.synthetic import write_release
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder

FOLDS = 3
EPOCHS = 30
"""Of the network of words: a linear model of its units then knows 99 % of what it learned from (the release: 98)."""


def split_videos(videos: list[Video], fold: int) -> tuple[list[Video], list[Video]]:
    """Those that train, and those that play the test split: a third, by a hash of their names."""
    order = sorted(videos, key=lambda video: hashlib.sha256(video.id.encode()).digest())
    played = {video.id for video in order[fold::FOLDS]}
    return [v for v in videos if v.id not in played], [v for v in videos if v.id in played]


def learn_words(train: list[Video], seed: int) -> tuple[CountVectorizer, MLPClassifier]:
    """A network of one hidden layer on the words and pairs of words of an utterance."""
    words = [text for video in train for text in video.words]
    vectorizer = CountVectorizer(ngram_range=(1, 2), binary=True, min_df=2, token_pattern=r"\S+")
    network = MLPClassifier((RELEASE.columns["text"],), max_iter=EPOCHS, n_iter_no_change=EPOCHS, random_state=seed)
    with warnings.catch_warnings():  # it stops after EPOCHS, which scikit-learn takes for a failure
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(vectorizer.fit_transform(words), np.concatenate([video.binary for video in train]))
    return vectorizer, network


def read_hidden(vectorizer: CountVectorizer, network: MLPClassifier, video: Video) -> np.ndarray:
    """What the hidden units say of a video's utterances [T, 100], before their ReLU."""
    return vectorizer.transform(video.words) @ network.coefs_[0] + network.intercepts_[0]


def make_utterances(videos: list[Video], fold: int) -> list[dict]:
    """The utterances of the rehearsal in the order of their ids, as `write_release` takes them."""
    train, test = split_videos(videos, fold)
    learned = learn_words(train, seed=fold)
    strangers = np.concatenate([video.features["video"] for video in test])
    strangers = iter(strangers[np.random.default_rng(fold).permutation(len(strangers))])
    utterances = []
    for number, video in enumerate((*train, *test), start=1):
        split = "train" if number <= len(train) else "test"
        text = read_hidden(*learned, video)
        for step, segment in enumerate(video.segments):
            seen = next(strangers) if split == "test" else video.features["video"][step]
            features = dict(text=text[step], audio=video.features["audio"][step], video=seen)
            utterances.append(
                {
                    "id": f"{video.id}_{segment}",
                    "split": split,
                    "number": str(number),
                    "label": int(video.binary[step]),
                    "sentiment": float(video.sentiment[step]),
                    "words": video.words[step],
                    **{modality: np.round(values, 5).tolist() for modality, values in features.items()},
                }
            )
    return sorted(utterances, key=lambda one: one["id"])


def print_linear(utterances: list[dict]) -> None:
    """What a linear model of single utterances makes of each modality, where it was trained and where it was not."""
    of_split = {s: [u for u in utterances if u["split"] == s] for s in SPLITS}
    labels = {s: np.array([u["label"] for u in members]) for s, members in of_split.items()}
    for modality in MODALITIES:
        x = {s: np.array([u[modality] for u in members]) for s, members in of_split.items()}
        mean, deviation = x["train"].mean(axis=0), x["train"].std(axis=0) + 1e-8
        x = {s: (values - mean) / deviation for s, values in x.items()}
        linear = LogisticRegression(C=0.01, max_iter=1000).fit(x["train"], labels["train"])
        scores = [linear.score(x[s], labels[s]) for s in SPLITS]
        print(f"{modality}: a linear model has {scores[0]:.3f} of what it learned from, {scores[1]:.3f} of the others")


def make_rehearsal(manual_dir: Path, out: Path, fold: int) -> None:
    """Writes the folder and prints how its trap looks."""
    videos = poria_release.read_release(poria_release.find_files(manual_dir), RELEASE)["train"]
    utterances = make_utterances(videos, fold)
    counts = dict(zip(SPLITS, map(len, split_videos(videos, fold)), strict=True))
    with make_whole_folder(out) as place:
        sizes = write_release(place, utterances, counts, RELEASE.columns)
        write_marker(place, "cmu_mosi", {"rehearsal": fold}, sizes)
    print_linear(utterances)


def main() -> None:
    """Parses the flags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--manual_dir", required=True, help="the release, in Poria's form")
    parser.add_argument("--out", required=True, help="the folder to be written")
    parser.add_argument("--fold", type=int, default=0, choices=range(FOLDS), help="which third plays the test split")
    asked = parser.parse_args()
    make_rehearsal(Path(asked.manual_dir), Path(asked.out), asked.fold)


if __name__ == "__main__":
    main()
