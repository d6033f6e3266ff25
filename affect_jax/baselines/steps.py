"""Labels per step for models of single steps: every step becomes a clip of its own, in the split of its recording."""

from collections.abc import Sequence

import numpy as np

from affect_jax.baselines.descriptors import Table
from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recording, Recordings


def split_into_steps(
    recordings: Recordings, members: Sequence[FoldMembers]
) -> tuple[Recordings, tuple[FoldMembers, ...]]:
    """The corpus and its folds with a recording for each step, named `<recording>/<number of the step>`."""
    every = {r.id: r for of_split in recordings.splits.values() for r in of_split}

    def list_ids(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(f"{name}/{t}" for name in names for t in range(len(every[name].steps)))

    splits = {split: [step for r in of for step in _split(r)] for split, of in recordings.splits.items()}
    folds = tuple(FoldMembers(f.name, list_ids(f.train), list_ids(f.validation), list_ids(f.test)) for f in members)
    return recordings._replace(splits=splits), folds


def _split(recording: Recording) -> list[Recording]:
    return [
        recording._replace(
            id=f"{recording.id}/{t}",
            steps=(name,),
            features={m: x[t : t + 1] for m, x in recording.features.items()},
            targets={label: y[t : t + 1] for label, y in recording.targets.items()},
        )
        for t, name in enumerate(recording.steps)
    ]


def make_step_table(recordings: Sequence[Recording], name: str, alone: Sequence[str] = ()) -> Table:
    """The features of single steps: all modalities side by side, or one `alone`."""
    modalities = tuple(alone or recordings[0].features)
    values = np.stack([np.concatenate([r.features[m][0] for m in modalities]) for r in recordings])
    columns = tuple(f"{m}_{d}" for m in modalities for d in range(recordings[0].features[m].shape[1]))
    return Table(name, values.astype(np.float32), columns, *alone)
