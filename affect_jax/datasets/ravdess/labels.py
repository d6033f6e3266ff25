"""Sets of classes of RAVDESS."""

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""Emotion 1 to 8 of the file names."""

LABELS: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "emotion": ((0, 1, 2, 3, 4, 5, 6, 7), EMOTIONS),
    "emotion7": ((0, 0, 1, 2, 3, 4, 5, 6), tuple(name for name in EMOTIONS if name != "calm")),
    "intensity": ((0, 1), ("normal", "strong")),
}
"""config.corpus.labels -> the class of each of the release's numbers 1, 2, ..., and the names of the classes.

emotion: neutral, calm, happy, sad, angry, fearful, disgust, surprised, as the release counts them.
emotion7: calm counts as neutral. The release has calm as a second baseline beside neutral, which has only half as many
clips as the others, and other corpora do not know it. Neutral then has 288 clips, the other six have 192 each.
intensity: neutral is always normal.
"""
