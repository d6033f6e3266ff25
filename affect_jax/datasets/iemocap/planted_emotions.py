"""What the synthetic IEMOCAP contains, before it is written in one of its two layouts: who shows which emotion, and
how.

The seven emotions are five groups: angry and frustrated, excited and happy, sad, neutral, surprised.

Each modality alone shows the group, with noise of its own that lasts for the whole utterance: the least in text, more
in video, the most in audio (and in prosody, which comes from the same voice). The noises are independent, so a second
modality helps to tell the groups apart, and a third helps more.

Within a group a modality alone tells nothing. Text and audio have one random sign each, +1 or -1, and video has two:

- angry or frustrated: the product of text's sign and video's first sign is +1 for angry, -1 for frustrated. Only text
  and video together tell them apart.
- excited or happy: the product of audio's sign and video's second sign is +1 for excited, -1 for happy. Only audio and
  video together do.

So text with audio never tells either pair apart, nor does a sum over modalities: a model must multiply or compare them.
Every utterance has all signs, but they mean nothing in the other groups.
"""

from typing import NamedTuple

import numpy as np

from affect_jax.datasets.iemocap.emotions import COUNTS

GROUPS = {"ang": 0, "fru": 0, "exc": 1, "hap": 1, "sad": 2, "neu": 3, "sur": 4}
DOUBT = {"text": 0.5, "video": 0.6, "audio": 0.68}
"""Standard deviation of what is added to the five numbers of the group, which are 1 for the right one and 0 else."""
SIGN = 1.5
"""How much larger a sign is than a group."""

# Not the release's shares: surprise, 1.4 % there, would be missing from whole sessions of a small corpus.
_SHARES = {"ang": 0.17, "exc": 0.13, "hap": 0.09, "sad": 0.15, "fru": 0.22, "sur": 0.05, "neu": 0.19}


class PlantedUtterance(NamedTuple):
    """One utterance.

    Attributes:
      id: 'Ses01F_impro01_M003'.
      session: from 1.
      speaker: 'Ses01M'.
      code: of the emotion.
      codes: modality -> float64 [6] (video: [7]): five for the groups, noisy 1 or 0, and its sign or signs.
    """

    id: str
    session: int
    speaker: str
    code: str
    codes: dict[str, np.ndarray]


def count_utterances(total: int) -> dict[str, int]:
    """Counts the utterances of each code: `total` in all, by the largest remainder."""
    exact = {code: total * _SHARES[code] for code in COUNTS}
    counts = {code: int(share) for code, share in exact.items()}
    by_remainder = sorted(exact, key=lambda code: counts[code] - exact[code])
    for code in by_remainder[: total - sum(counts.values())]:
        counts[code] += 1
    return counts


def draw_utterances(sessions: int, utterances: int, seed: int) -> list[PlantedUtterance]:
    """Draws `utterances` of each of the two speakers of a session, in the order of sessions and dialogs."""
    speakers = [(session, sex) for session in range(1, sessions + 1) for sex in "FM"]
    codes = [code for code, n in count_utterances(utterances * len(speakers)).items() for _ in range(n)]
    drawn = []
    for number, (session, sex) in enumerate(speakers):
        # Codes are dealt like cards, so that all speakers have about as many utterances of each emotion.
        own_codes = codes[number :: len(speakers)]
        for turn, at in enumerate(np.random.default_rng([seed, 1, number]).permutation(len(own_codes)).tolist()):
            # Half of a speaker's utterances are in the dialog in which the other speaker wore the markers.
            name = f"Ses{session:02d}{'FM'[turn % 2]}_impro01_{sex}{turn // 2:03d}"
            signs = np.random.default_rng([seed, 2, number, turn])
            drawn.append(
                PlantedUtterance(
                    name, session, f"Ses{session:02d}{sex}", own_codes[at], _draw_codes(signs, own_codes[at])
                )
            )
    return sorted(drawn, key=lambda u: (u.session, u.id))


def _draw_codes(rng: np.random.Generator, code: str) -> dict[str, np.ndarray]:
    text, audio, first, second = rng.choice([-1.0, 1.0], size=4)
    if GROUPS[code] == 0:
        first = text if code == "ang" else -text
    if GROUPS[code] == 1:
        second = audio if code == "exc" else -audio
    signs = {"text": [text], "video": [first, second], "audio": [audio]}
    group = np.eye(5)[GROUPS[code]]
    return {
        modality: np.concatenate([group + doubt * rng.normal(size=5), SIGN * np.array(signs[modality])])
        for modality, doubt in DOUBT.items()
    }
