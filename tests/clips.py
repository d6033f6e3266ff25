"""Six made-up clips, as a regression and as classes, and the page of them."""

import numpy as np

from affect_jax.evaluation import audible_clips
from affect_jax.features.audio import Sound
from affect_jax.reports import listening

RATE = 8000
TARGETS = np.array([0.8, 0.6, -0.5, -0.9, 0.0, 0.3])
PREDICTIONS = np.array([0.7, -0.4, 0.4, -0.1, 0.05, 0.8])  # cases 1, 2, 3, 4, 1 (0 is positive), 1 (on the margin)
HOSTILE = "</script><img src=x onerror=alert(1)>&<!--"
IDS = ("good", "missed", "alarm", "far", "zero", HOSTILE)
GROUPS = ("debate_a", "debate_a", "debate_b", "debate_b", "debate_c", "debate_c")
LABELS = ("calm", "angry", "sad")
EXPLAINED = {
    "good": {
        "segments": [[0.0, 1.0], [1.0, 2.0]],
        "lime": [0.2, -0.1],
        "r2": 0.75,
        "stability": 0.9,
        "of": "",
        "notes": ["said of it"],
    }
}


def tone(seconds=2.0, rate=RATE):
    time = np.arange(int(seconds * rate)) / rate
    return Sound((9000 * np.sin(2 * np.pi * 300 * time) * (0.2 + (time > 1))).astype(np.int16), rate)


def regression():
    return audible_clips.Clips(IDS, GROUPS, TARGETS, PREDICTIONS)


def classes():
    scores = np.array(
        [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.2, 0.2], [0.3, 0.4, 0.3], [0.2, 0.2, 0.6], [0.1, 0.5, 0.4]]
    )
    return audible_clips.Clips(IDS, GROUPS, np.array([0.0, 1, 1, 1, 2, 2]), scores)


def page(clips, **changes):
    heading = dict(
        title=f"a run <b>: synthetic & {HOSTILE}",
        target="planted",
        facts=["trial 0", HOSTILE],
    )
    heading |= {name: changes.pop(name) for name in listening.Heading._fields if name in changes}
    settings = dict(
        sounds=[(name, tone()) for name in clips.ids],
        audible=set(clips.ids) - {"far"},
        explained=EXPLAINED,
    )
    return listening.render_clips(clips, listening.Heading(**heading), **{**settings, **changes})
