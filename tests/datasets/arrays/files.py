"""Files of arrays as people ship them, small, and pickles of every protocol."""

import pickle

import h5py
import numpy as np

COUNTS = {"train": 8, "valid": 4, "test": 4}
WIDTHS = {"text": 3, "audio": 2, "vision": 4}
STEPS = 5


def make(counts=COUNTS, steps=STEPS, front=False, clips=2, seed=0):
    """split -> field -> array, in MulT's layout with MMSA's ids; `clips` of a video, padded at the end or in front."""
    rng = np.random.default_rng(seed)
    splits, video = {}, 0
    for split, count in counts.items():
        lengths = rng.integers(2, steps + 1, size=count)
        at = np.arange(steps)[None, :]
        is_step = at >= steps - lengths[:, None] if front else at < lengths[:, None]
        fields = {
            m: rng.normal(size=(count, steps, d)).astype(np.float32) * is_step[..., None] for m, d in WIDTHS.items()
        }
        y = rng.integers(-30, 31, size=count) / 10
        y[:2] = -1.5, 2
        ids = [f"video{video + n // clips}$_${n % clips}" for n in range(count)]
        video += -(-count // clips)
        splits[split] = {**fields, "labels": y[:, None, None].astype(np.float32), "id": ids}
    return splits


def flatten(splits, sign="/"):
    return {f"{split}{sign}{name}": np.asarray(x) for split, fields in splits.items() for name, x in fields.items()}


def write(path, splits, protocol=4):
    """Writes splits in the form of the path's suffix; returns the path as text."""
    if path.suffix == ".npz":
        np.savez(path, **flatten(splits))
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, values in flatten(splits).items():
                file[name] = values.astype(h5py.string_dtype()) if values.dtype.kind == "U" else values
    else:
        path.write_bytes(pickle.dumps(splits, protocol))
    return str(path)
