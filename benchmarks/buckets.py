"""What one long clip costs: an epoch of a padded corpus against its buckets, and against the corpus without that clip.

python -m benchmarks.buckets    # two minutes, most of them to compile; prints seconds of processor time

The three take turns in one process, so that a busy machine slows all of them alike. Clips have 40 features at 100 Hz.
"""

import statistics
import time
from collections.abc import Callable

import jax
import numpy as np

from affect_jax.config.stages import default_hyper, parse_stage
from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.data.folds import FoldedCorpus
from affect_jax.datasets.recordings import Recording
from affect_jax.models import attention_fusion
from affect_jax.training import initial, loop, mesh, step
from affect_jax.training.epochs import ResidentEpochs
from affect_jax.training.trials import plan_trials, stack_trials

TURNS = 3
CLIPS = 160
STAGE = dict(
    train=("*",),
    losses=dict(prediction=dict(kind="mse", prediction="prediction", target="target", weight=1.0)),
    optimizer=dict(name="adam", learning_rate=1e-3, inverse_time_decay=0.0, momentum=None, weight_decay=0.0),
    batch=32,
    epochs=1000,
    patience=0,
    plateau=dict(factor=0.1, patience=0),
    dropout=0.0,
    monitor=dict(metric="ccc", prediction="prediction"),
    keep="best",
)


def make_clips(long_seconds: float) -> list[Recording]:
    """Clips of .8 to 1.2 s, and one of `long_seconds`."""
    draw = np.random.default_rng(0)
    seconds = [*draw.uniform(0.8, 1.2, CLIPS), *([long_seconds] if long_seconds else [])]
    clips = []
    for n, length in enumerate(seconds):
        values = draw.normal(size=(round(100 * length), 40)).astype(np.float32)
        clips.append(Recording(f"{n}", f"{n}", (f"{n}",), {"voice": values}, {"y": np.float32([values.mean()])}))
    return clips


def prepare_epoch(clips: list[Recording], buckets: int) -> tuple[Callable[[], None], str]:
    """What trains one epoch and scores it, and the shapes of its batches in words."""
    model = attention_fusion.Model(("voice",), classes=0, map_steps=(50,), input_dropout=(0.0,))
    corpus, index = corpora.build_corpus(clips, modalities=("voice",), target="y", unit="item")
    names = tuple(clip.id for clip in clips)
    members = [folding.FoldMembers("fold", (*names[:120], *names[CLIPS:]), names[120:CLIPS])]
    engine = loop.Engine(mesh.make_mesh(1), 1, 32, 1e9)._replace(buckets=buckets)
    stage = parse_stage("fit", STAGE, "regression")
    folds = folding.build_folds(corpus, index, members, {"voice": True})
    folds = initial.arrange_folds(model, (stage,), corpus, folds, engine)
    data = FoldedCorpus(corpus, folds)
    plan = initial.plan_stage(model, stage, "regression", data, engine)
    trials = plan_trials({"": {}}, [{}], {"fit": default_hyper(STAGE)}, 1, (0, 1))
    arrays, epochs = stack_trials(trials), ResidentEpochs(plan, data, engine)
    trained, statistics_, frozen = step.split_submodules(initial.init_params(model, data, trials, engine), ("*",))
    state = [initial.init_states(plan, data, trained, statistics_, arrays)]

    def run() -> None:
        state[0], log = epochs.run(arrays, frozen, state[0], np.ones(2, bool), lambda *_: None)
        jax.block_until_ready(log)

    shapes = [f"{b.examples} clips of {dict(b.steps)['voice']} frames" for b in folds.train_buckets]
    return run, ", ".join(shapes) or f"{len(members[0].train)} clips of {corpus.inputs['voice'].steps} frames"


def main() -> None:
    """Prints the table."""
    cases = {
        "without the long clip": prepare_epoch(make_clips(0), 3),
        "with one of 60 s, padded": prepare_epoch(make_clips(60), 1),
        "with one of 60 s, buckets": prepare_epoch(make_clips(60), 3),
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(TURNS + 1):
        for name, (run, _) in cases.items():
            begin = time.process_time()
            run()
            if turn:  # the first one compiles
                times[name].append(time.process_time() - begin)
    for name, (_, shapes) in cases.items():
        print(f"{name:<28} {statistics.median(times[name]):7.3f} s   {shapes}", flush=True)


if __name__ == "__main__":
    main()
