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
      codes: modality -> float64 [6] (video: [7]): five for the groups, 1 and 0 in doubt, and its sign or signs.
    """

    id: str
    session: int
    speaker: str
    code: str
    codes: dict[str, np.ndarray]


def count_utterances(total: int) -> dict[str, int]:
    """Utterances of each code, `total` in all and no two equal, by the largest remainder."""
    exact = {code: total * _SHARES[code] for code in COUNTS}
    found = {code: int(share) for code, share in exact.items()}
    by_rest = sorted(exact, key=lambda code: found[code] - exact[code])
    for code in by_rest[: total - sum(found.values())]:
        found[code] += 1
    return found


def draw_utterances(sessions: int, utterances: int, seed: int) -> list[PlantedUtterance]:
    """All utterances, `utterances` of each of the two speakers of a session, in the order of sessions and dialogs."""
    speakers = [(session, sex) for session in range(1, sessions + 1) for sex in "FM"]
    codes = [code for code, n in count_utterances(utterances * len(speakers)).items() for _ in range(n)]
    found = []
    for number, (session, sex) in enumerate(speakers):
        # Dealt like cards, so that everybody has about as many utterances of each emotion.
        mine = codes[number :: len(speakers)]
        for turn, at in enumerate(np.random.default_rng([seed, 1, number]).permutation(len(mine)).tolist()):
            # Half of a speaker's utterances are in the dialog in which the other one wore the markers.
            name = f"Ses{session:02d}{'FM'[turn % 2]}_impro01_{sex}{turn // 2:03d}"
            signs = np.random.default_rng([seed, 2, number, turn])
            found.append(
                PlantedUtterance(name, session, f"Ses{session:02d}{sex}", mine[at], _draw_codes(signs, mine[at]))
            )
    return sorted(found, key=lambda u: (u.session, u.id))


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
