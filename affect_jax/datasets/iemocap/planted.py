"""What the synthetic IEMOCAP says, before it is written in one of the two layouts: who shows which emotion, and how.

The seven emotions are five groups: angry and frustrated, excited and happy, sad, neutral, surprised.

Each modality alone shows the group, under a doubt of its own that lasts for the whole utterance: text the least, video
more, audio (and prosody, which is of the same voice) the most. The doubts are independent, so a second modality helps
to tell the groups apart, and a third helps more.

Within a group a modality alone tells nothing. Text and audio have one sign each, +1 or -1 by chance, video has two:

- angry or frustrated: the product of text's sign and video's first sign is +1 for angry, -1 for frustrated. Only text
  and video together tell them apart.
- excited or happy: the product of audio's sign and video's second sign is +1 for excited, -1 for happy. Only audio and
  video together do.

So text with audio never tells either pair apart, and a sum over modalities does not either: only what multiplies or
compares them does. All signs are there in every utterance and mean nothing in the other groups.
"""

from typing import NamedTuple

import numpy as np

from affect_jax.datasets.iemocap.emotions import COUNTS

GROUPS = {"ang": 0, "fru": 0, "exc": 1, "hap": 1, "sad": 2, "neu": 3, "sur": 4}
DOUBT = {"text": 0.6, "video": 0.65, "audio": 0.75}
"""Standard deviation of what is added to the five numbers of the group, which are 1 for the right one and 0 else."""
_SIGN = 1.5  # how much larger a sign is than a group

# Not the release's shares: surprise, 1.4 % there, would be missing from whole sessions of a small corpus.
_SHARES = {"ang": 0.17, "exc": 0.13, "hap": 0.09, "sad": 0.15, "fru": 0.22, "sur": 0.05, "neu": 0.19}


class Planted(NamedTuple):
    """One utterance.

    Attributes:
      id: 'Ses01F_impro01_M003'.
      session: from 1.
      speaker: 'Ses01M'.
      code: of the emotion.
      codes: modality -> float64 [6] (video: [7]): five for the groups, 1 and 0 in doubt, and its sign or signs.
    """

    id: str
    session: int
    speaker: str
    code: str
    codes: dict[str, np.ndarray]


def counts(total: int) -> dict[str, int]:
    """Utterances of each code, `total` in all and no two equal, by the largest remainder."""
    exact = {code: total * _SHARES[code] for code in COUNTS}
    found = {code: int(share) for code, share in exact.items()}
    by_rest = sorted(exact, key=lambda code: found[code] - exact[code])
    for code in by_rest[: total - sum(found.values())]:
        found[code] += 1
    return found


def draw(sessions: int, utterances: int, seed: int) -> list[Planted]:
    """All utterances, `utterances` of each of the two speakers of a session, in the order of sessions and dialogs."""
    speakers = [(session, sex) for session in range(1, sessions + 1) for sex in "FM"]
    codes = [code for code, n in counts(utterances * len(speakers)).items() for _ in range(n)]
    found = []
    for number, (session, sex) in enumerate(speakers):
        # Dealt like cards, so that everybody has about as many utterances of each emotion.
        mine = codes[number :: len(speakers)]
        for turn, at in enumerate(np.random.default_rng([seed, 1, number]).permutation(len(mine)).tolist()):
            # Half of a speaker's utterances are in the dialog in which the other one wore the markers.
            name = f"Ses{session:02d}{'FM'[turn % 2]}_impro01_{sex}{turn // 2:03d}"
            signs = np.random.default_rng([seed, 2, number, turn])
            found.append(Planted(name, session, f"Ses{session:02d}{sex}", mine[at], _codes(signs, mine[at])))
    return sorted(found, key=lambda u: (u.session, u.id))


def _codes(rng: np.random.Generator, code: str) -> dict[str, np.ndarray]:
    text, audio, first, second = rng.choice([-1.0, 1.0], size=4)
    if GROUPS[code] == 0:
        first = text if code == "ang" else -text
    if GROUPS[code] == 1:
        second = audio if code == "exc" else -audio
    signs = {"text": [text], "video": [first, second], "audio": [audio]}
    group = np.eye(5)[GROUPS[code]]
    return {
        modality: np.concatenate([group + doubt * rng.normal(size=5), _SIGN * np.array(signs[modality])])
        for modality, doubt in DOUBT.items()
    }


def frames(
    rng: np.random.Generator, code: np.ndarray, mixing: np.ndarray, own: np.ndarray, length: int, noise: float
) -> np.ndarray:
    """float64 [length, D]: the code is there during a stretch of at least half of the frames, the rest tells nothing.

    Args:
      rng: of the utterance.
      code: [K].
      mixing: [K, D], the same in the whole corpus.
      own: [D], the speaker's own look or voice.
      length: how many frames.
      noise: standard deviation of what is added to every frame.
    """
    stretch = max(1, int(round(length * rng.uniform(0.5, 1.0))))
    start = int(rng.integers(length - stretch + 1))
    there = np.zeros((length, 1))
    there[start : start + stretch] = 1.0
    return there * (code @ mixing)[None, :] + own[None, :] + noise * rng.normal(size=(length, len(own)))


# Words that show a group, words of the two signs, and words that say nothing.
_GROUP_WORDS = (
    ("stop", "enough", "never", "again", "listen", "wrong"),
    ("great", "love", "wonderful", "married", "yes", "amazing"),
    ("miss", "gone", "lost", "alone", "died", "sorry"),
    ("okay", "form", "line", "number", "address", "license"),
    ("what", "really", "oh", "wow", "seriously", "no"),
)
_SIGN_WORDS = (("they", "them", "those"), ("we", "us", "our"))  # -1, +1
_FILLERS = ("the", "a", "it", "is", "to", "and", "of", "that", "um", "in")
UNKNOWN_WORD = "um"
"""A word that the release form's GloVe file lacks."""
VOCABULARY = tuple(word for words in (*_GROUP_WORDS, *_SIGN_WORDS, _FILLERS) for word in words)


def words(rng: np.random.Generator, code: np.ndarray, longest: int) -> list[str]:
    """4 to `longest` words that show a code: about half of them the group, three of ten the sign."""
    length = int(rng.integers(4, longest + 1))
    kinds = rng.choice(3, size=length, p=(0.5, 0.3, 0.2))
    kinds[rng.permutation(length)[:2]] = (0, 1)
    odds = np.exp(5.0 * code[:5])
    groups = rng.choice(5, size=length, p=odds / odds.sum())
    return [
        str(rng.choice((_GROUP_WORDS[group], _SIGN_WORDS[int(code[5] > 0)], _FILLERS)[kind]))
        for kind, group in zip(kinds.tolist(), groups.tolist(), strict=True)
    ]


def vectors(seed: int, width: int) -> dict[str, np.ndarray]:
    """Word -> float32 [width]: words of a kind lie together, and the two signs' words lie opposite each other."""
    rng = np.random.default_rng([seed, 3])
    mixing = rng.normal(size=(6, width))
    found = {}
    for number, group in enumerate((*_GROUP_WORDS, *_SIGN_WORDS, _FILLERS)):
        code = np.zeros(6)
        if number < 7:
            code[min(number, 5)] = (1.0, 1.0, 1.0, 1.0, 1.0, -_SIGN, _SIGN)[number]
        for word in group:
            found[word] = np.round(0.3 * (code @ mixing + 0.4 * rng.normal(size=width)), 4).astype(np.float32)
    return found
