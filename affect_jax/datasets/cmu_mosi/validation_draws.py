"""Which training videos to hold out for validation.

The release has only a training and a test split, and the thesis' validation set (10 training videos, 296 utterances) is
not named anywhere. So there are five draws, made by the function below from five seeds and kept as a list; results are
reported over all of them. At most four could be disjoint (5 x 296 > 1447), so they overlap. Their use for text and
video is limited in any case: those features come from networks that saw the labels of the whole training split.
"""

import hashlib
from collections.abc import Mapping, Sequence

from affect_jax.errors import UserError, suggest_nearest

DRAW_COUNT = 5
VIDEOS = 10
UTTERANCES = 296


def draw_videos(lengths: Mapping[str, int], *, videos: int, utterances: int | None, seed: int) -> tuple[str, ...]:
    """Draws a random set of videos, the same on every machine and with every library version.

    Args:
      lengths: video -> how many utterances it has.
      videos: how many to draw.
      utterances: what the lengths must add up to; None takes the first set.
      seed: of the draw.

    Returns:
      The ids, sorted.
    """
    for attempt in range(1_000_000):
        # Sorting by a hash is a shuffle that depends on nothing but this text.
        order = sorted(lengths, key=lambda video, n=attempt: hashlib.sha256(f"{seed}/{n}/{video}".encode()).digest())
        chosen = sorted(order[:videos])
        if utterances is None or sum(lengths[video] for video in chosen) == utterances:
            return tuple(chosen)
    raise ValueError(f"no {videos} videos have {utterances} utterances")


def make_draws(lengths: Mapping[str, int], *, videos: int, utterances: int | None) -> dict[str, tuple[str, ...]]:
    """Makes `DRAW_COUNT` draws with the seeds 0, 1, ..., named draw_0, draw_1, ..."""
    return {
        f"draw_{seed}": draw_videos(lengths, videos=videos, utterances=utterances, seed=seed)
        for seed in range(DRAW_COUNT)
    }


def check_given_videos(videos: Sequence[str], train: Sequence[str], test: Sequence[str]) -> tuple[str, ...]:
    """Checks the user's own validation videos (`config.corpus.validation`) and returns them.

    Raises:
      UserError: a video is in the test split, unknown or named twice, or none is left to train on.
    """
    for video in videos:
        if video in test:
            raise UserError(
                f"validation video {video!r} is in the test split; config.corpus.validation takes training videos only"
            )
        if video not in train:
            raise UserError(f"validation video {video!r} is not in the corpus{suggest_nearest(video, train)}")
    if len(set(videos)) != len(videos):
        raise UserError(f"config.corpus.validation names {max(videos, key=list(videos).count)!r} twice")
    if len(videos) == len(train):
        raise UserError("config.corpus.validation holds out every training video; leave some to train on")
    return tuple(videos)


DRAWS: dict[str, tuple[str, ...]] = {
    "draw_0": (
        "73jzhE8R1TQ",
        "7JsX8y1ysxY",
        "BvYR0L6f2Ig",
        "G6GlGvlkxAQ",
        "IumbAb8q2dM",
        "VbQk4H8hgr0",
        "bvLlb-M3UXU",
        "f_pcplsH_V0",
        "k5Y_838nuGo",
        "zhpQhgha_KU",
    ),
    "draw_1": (
        "9qR7uwkblbs",
        "BvYR0L6f2Ig",
        "W8NXH0Djyww",
        "ZAIRrfG22O0",
        "aiEXnCPZubE",
        "bOL9jKpeJRs",
        "d6hH302o4v8",
        "nzpVDcQ0ywM",
        "wMbj6ajWbic",
        "zhpQhgha_KU",
    ),
    "draw_2": (
        "7JsX8y1ysxY",
        "8OtFthrtaJM",
        "9T9Hf74oK10",
        "BvYR0L6f2Ig",
        "HEsqda8_d0Q",
        "IumbAb8q2dM",
        "VbQk4H8hgr0",
        "jUzDDGyPkXU",
        "phBUpBr1hSo",
        "yDtzw_Y-7RU",
    ),
    "draw_3": (
        "6_0THN4chvY",
        "8OtFthrtaJM",
        "8qrpnFRGt2A",
        "9T9Hf74oK10",
        "9qR7uwkblbs",
        "HEsqda8_d0Q",
        "VbQk4H8hgr0",
        "bvLlb-M3UXU",
        "d6hH302o4v8",
        "tIrG4oNLFzE",
    ),
    "draw_4": (
        "Bfr499ggo-0",
        "BioHAh1qJAQ",
        "IumbAb8q2dM",
        "MLal-t_vJPM",
        "VbQk4H8hgr0",
        "_dI--eQ6qVU",
        "atnd_PF-Lbs",
        "c7UH_rxdZv4",
        "d6hH302o4v8",
        "yDtzw_Y-7RU",
    ),
}
"""The draws of the release: `make_draws(lengths, videos=VIDEOS, utterances=UTTERANCES)` of its 62 training videos."""
