"""RECOLA in its native form, as native.py takes it to be: nobody here has the release."""

import numpy as np

BEHAVIOUR = "RECOLA-Annotation/emotional_behaviour"
PEOPLE = {"P16": "train", "P17": "train", "P19": "dev", "P65": "test"}
FRAMES = 50


def features(seed, width, frames=FRAMES):
    return np.random.default_rng(seed).normal(size=(frames, width)).round(3)


def ratings(seed, frames=FRAMES):
    return np.random.default_rng(100 + seed).normal(size=(frames, 6)).round(2)


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write(root, frames=FRAMES):
    """Features from 0.04 s to the last frame but one, annotation on all frames; the release's own spelling."""
    put(root / "partition.csv", "participant,part\n" + "".join(f"{p},{part}\n" for p, part in PEOPLE.items()))
    times = [f"{0.04 * i:.2f}" for i in range(frames)]
    for seed, name in enumerate(PEOPLE):
        for place, width in (("RECOLA-Audio-features", 4), ("RECOLA-Video-features", 3)):
            values = features(seed, width, frames)
            columns = [f"@attribute a{i} numeric" for i in range(width)]
            head = ["@relation r", "@attribute frametime numeric", *columns, "@data"]
            rows = [",".join([t, *map(str, v)]) for t, v in list(zip(times, values.tolist(), strict=True))[1:-1]]
            put(root / place / f"{name}.arff", "\n".join(head + rows) + "\n")
        if PEOPLE[name] != "test":
            rows = [";".join([t, *map(str, r)]) for t, r in zip(times, ratings(seed, frames).tolist(), strict=True)]
            text = "\n".join(["time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3", *rows]) + "\n"
            put(root / BEHAVIOUR / "arousal" / f"{name}.csv", text)
