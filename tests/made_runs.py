"""Run folders as `affect_jax.runtime.run_folder` leaves them, made up without training."""

import dataclasses
import json

import numpy as np
import pytest

from affect_jax.evaluation import group_scores
from affect_jax.experiment import results as scoring
from affect_jax.experiment.results_file import FoldRecord, Provenance, SplitCount, read_results
from affect_jax.runtime.run_folder import name_fit, name_run_folder
from tests.run_results import make_corpus, make_results, make_trial, write_unsealed

VIDEOS = 6
STEPS = 8


def _scores(prediction, target):
    right = (prediction >= 0.5) == (target >= 0.5)
    return {"accuracy": float(right.mean()), "weighted_f1": float(right.mean()) - 0.01}


def write_run(folder, trials, config_arg, **values):
    """results.json of these trials, with their means."""
    results = make_results(
        *trials,
        name=folder.name,
        config_arg=config_arg,
        variants=scoring.summarize_variants(trials),
        provenance=Provenance("0123456789abcdef", {}, "3.11", "x"),
        **values,
    )
    write_unsealed(folder, results)


@pytest.fixture
def change_results():
    """change_results(folder, edit) writes results.json again with the fields that edit(results) returns."""

    def change(folder, edit):
        results = read_results(folder)
        write_unsealed(folder, dataclasses.replace(results, **edit(results)))

    return change


@pytest.fixture
def make_run(tmp_path):
    """make_run(config_arg, [(study, variant), ...]) -> the run folder's path, below tmp_path/'runs'.

    A binary run's trials are scored from its predictions, whose error rate is `error[variant]`; a regression run's
    scores are `0.5 + seed / 100` (no predictions).
    """

    def make(
        config_arg,
        variants,
        *,
        task="binary",
        synthetic=False,
        corpus=None,
        split="test",
        folds=("draw_0", "draw_1"),
        seeds=2,
        error=None,
        extra_metrics=None,
        predictions=True,
    ):
        folder = tmp_path / "runs" / name_run_folder(config_arg)
        folder.mkdir(parents=True)
        random = np.random.default_rng(0)
        target = (np.arange(VIDEOS * STEPS) % 3 == 0).astype(np.float32)
        rows, arrays = [], {}
        for study in dict.fromkeys(study for study, _ in variants):
            predicted = []
            for variant in (v for s, v in variants if s == study):
                for fold in folds:
                    for seed in range(seeds):
                        rate = (error or {}).get(variant, 0.3)
                        wrong = random.random(target.size) < rate
                        prediction = np.where(wrong, 1 - target, target).astype(np.float32)
                        if task == "binary":
                            scores = _scores(prediction, target)
                        else:
                            scores = {"ccc": 0.5 + seed / 100}
                        scores |= extra_metrics or {}
                        predicted.append((len(rows), prediction))
                        where = dict(study=study, variant=variant, fold=fold, seed=seed)
                        rows.append(make_trial(**where, **{split: scores}))
            arrays[f"{study}/trial"] = np.array([index for index, _ in predicted])
            arrays[f"{study}/{split}/prediction"] = np.stack([prediction for _, prediction in predicted])
            arrays[f"{study}/{split}/target"] = target
            arrays[f"{study}/{split}/id"] = np.array([f"v{i // STEPS}_{i % STEPS}" for i in range(target.size)])
            arrays[f"{study}/{split}/group"] = np.array([f"v{i // STEPS}" for i in range(target.size)])
        name = corpus or ("cmu_mosi" if task == "binary" else "recola")
        baseline = {"accuracy": 2 / 3, "weighted_f1": 0.533} if task == "binary" else {"ccc": 0.0}
        counts = {"train": SplitCount(20, 0), split: SplitCount(VIDEOS, 0)}
        of = make_corpus(name=name, form="poria", synthetic=synthetic, fingerprint=f"{name}{synthetic}", counts=counts)
        record = FoldRecord(
            {"train": 20, split: VIDEOS}, {"train": float(len(folds) > 1), split: float(len(folds) > 1)}
        )
        of = dataclasses.replace(of, folds=dict.fromkeys(folds, record))
        write_run(
            folder, rows, config_arg, task=task, corpus=of, baselines={split: baseline}, metric=next(iter(baseline))
        )
        stages = {"fit": {"losses": {"prediction": {"kind": "mse"}, "alignment": {"kind": "dcca"}}}}
        studies = {study: {} for study, _ in variants}
        config = {"config_arg": config_arg, "config": {"stages": stages, "studies": studies}}
        (folder / "config.json").write_text(json.dumps(config))
        if predictions:
            np.savez(folder / "predictions.npz", **arrays)
        return folder

    return make


PAIR = [("teachers", "SeqSEW"), ("teachers", "-LFA"), ("no_decoder", "-Decoder"), ("no_decoder", "-(LFA & Decoder)")]
UNIMODAL = [
    (f"{modality}/{encoder}", variant)
    for modality in ("text", "audio", "video")
    for encoder, variant in (
        ("classifier", "Classifier"),
        ("bigru", "BiGRU+Classifier"),
        ("bigru+te", "BiGRU+TE+Classifier"),
    )
]


@pytest.fixture
def mosi_runs(make_run):
    """mosi_runs(synthetic) makes all runs of tables 5.4 and 5.6."""

    def make(synthetic, **options):
        return [
            make_run("configs/seqsew.py:mosi,video+text", PAIR, synthetic=synthetic, **options),
            make_run("configs/seqsew.py:mosi,audio+text", PAIR, synthetic=synthetic, **options),
            make_run("configs/seqsew_unimodal.py:mosi", UNIMODAL, synthetic=synthetic, **options),
        ]

    return make


CLASSES = ("happy", "sad", "angry")
CLIPS = 60
FOLDS = 5


def _class_scores(answer, target):
    recalls = [(answer[target == c] == c).mean() for c in range(len(CLASSES)) if (target == c).any()]
    return {"accuracy": round(float((answer == target).mean()), 6), "uar": round(float(np.mean(recalls)), 6)}


@pytest.fixture
def make_fusion_run(tmp_path):
    """make_fusion_run(config_arg, {study: error rate}) -> the run folder's path, below tmp_path/'runs'.

    A cross-validation of 60 clips in three uneven classes: clip i, of speaker i % 5, is tested in fold i % 5, validated
    in the one before. `predictions` and `has_records` (of the folds) are True.
    """

    def make(config_arg, error, *, synthetic=False, fingerprint="iemocap", seeds=3, prefix="clip", **options):
        folder = tmp_path / "runs" / name_run_folder(config_arg)
        folder.mkdir(parents=True)
        random = np.random.default_rng(0)
        clip = np.arange(CLIPS)
        target = np.minimum(clip // 5 % 4, 2)
        rows, arrays = [], {}
        for study, rate in error.items():
            arrays[f"{study}/trial"] = np.arange(len(rows), len(rows) + FOLDS * seeds)
            predicted = {"validation": [], "test": []}
            for fold in range(FOLDS):
                for seed in range(seeds):
                    scores = {}
                    for split, mine in (("validation", clip % 5 == (fold + 1) % 5), ("test", clip % 5 == fold)):
                        answer = np.where(random.random(CLIPS) < rate, (target + 1) % 3, target)
                        logits = np.eye(3, dtype=np.float32)[answer]
                        logits[~mine] = np.nan
                        predicted[split].append(logits)
                        scores[split] = _class_scores(answer[mine], target[mine])
                    rows.append(make_trial(study=study, variant=study, fold=f"fold_{fold}", seed=seed, **scores))
            for split, logits in predicted.items():
                arrays[f"{study}/{split}/prediction"] = np.stack(logits)
                arrays[f"{study}/{split}/target"] = target.astype(np.float32)
                arrays[f"{study}/{split}/id"] = np.array([f"{prefix}_{i}" for i in clip])
                arrays[f"{study}/{split}/group"] = np.array([f"speaker_{i % 5}" for i in clip])
        baseline = {"accuracy": 0.5, "uar": 1 / 3}
        of = make_corpus(
            name="iemocap",
            form="emotion7",
            synthetic=synthetic,
            fingerprint=fingerprint,
            counts={"train": SplitCount(CLIPS, CLIPS)},
            labels=CLASSES,
        )
        if options.get("has_records", True):
            groups = {"train": 3, "validation": 1, "test": 1}
            record = FoldRecord(groups, {"train": 1.0, "validation": 0.0, "test": 0.0})
            of = dataclasses.replace(of, folds={f"fold_{fold}": record for fold in range(FOLDS)})
        baselines = {"validation": baseline, "test": baseline}
        write_run(folder, rows, config_arg, task="multiclass", corpus=of, baselines=baselines, metric="uar")
        if options.get("predictions", True):
            np.savez(folder / "predictions.npz", **arrays)
        return folder

    return make


@pytest.fixture
def fusion_runs(make_fusion_run):
    """fusion_runs(synthetic) makes the runs of tables 4.1, 4.2, 4.3 and 4.5."""
    from affect_jax.reports.thesis import GROUPS, TABLES

    def make(synthetic, **options):
        studies = {}
        for number in GROUPS["fusion"]:
            for row in TABLES[number].rows:
                studies.setdefault(row.sources[0].config, {})[row.sources[0].study] = 0.3
        for config, error in studies.items():
            given = config.removesuffix(",iemocap") if synthetic else config
            make_fusion_run(given, error, synthetic=synthetic, **options)

    return make


@pytest.fixture
def make_traces(tmp_path):
    """make_traces(noise={variant: size}) -> a RECOLA run of three recordings of 60 steps, 25 a second, and three seeds.

    A row's prediction is the label plus noise; its seed makes the noise. Test labels are kept back.
    """

    def make(noise, *, synthetic=False, config_arg="configs/sew.py:arousal,geo+audio", name="", seeds=3):
        folder = tmp_path / "runs" / (name or name_run_folder(config_arg))
        folder.mkdir(parents=True)
        steps = np.arange(60)
        target = np.concatenate([np.sin(steps / 9 + k) for k in range(3)]).astype(np.float32)
        ids = np.array([f"dev_{k}@{t / 25:.2f}" for k in range(3) for t in steps])
        groups = np.array([f"dev_{k}" for k in range(3) for _ in steps])
        random = np.random.default_rng(0)
        rows, predictions = [], []
        for variant, size in noise.items():
            for seed in range(seeds):
                predictions.append(target + size * random.normal(size=target.size).astype(np.float32))
                sums = group_scores.sum_moments(predictions[-1][None], target, np.zeros(target.size))
                scores = {"ccc": float(group_scores.score_ccc(sums)[0, 0])}
                rows.append(make_trial(study="teachers", variant=variant, fold="dev", seed=seed, validation=scores))
        arrays = {"teachers/trial": np.arange(len(rows))}
        for split in ("validation", "test"):
            arrays[f"teachers/{split}/prediction"] = np.stack(predictions)
            arrays[f"teachers/{split}/target"] = target if split == "validation" else np.zeros_like(target)
            arrays[f"teachers/{split}/id"], arrays[f"teachers/{split}/group"] = ids, groups
        of = make_corpus(
            name="recola",
            form="arousal",
            synthetic=synthetic,
            fingerprint="recola",
            counts={name: SplitCount(3, 180) for name in ("train", "validation", "test")},
        )
        baselines = {"validation": {"ccc": 0.0}}
        write_run(folder, rows, config_arg, task="regression", corpus=of, baselines=baselines, metric="ccc")
        np.savez(folder / "predictions.npz", **arrays)
        return folder

    return make


@pytest.fixture
def add_epochs():
    """add_epochs(folder, study, {variant: last epochs}) adds metrics.jsonl: loss t + 1/e in trial t, epoch e."""

    def add(folder, study, last, *, phase="final", stage="fit", metric="uar"):
        lines = []
        for variant, epochs in last.items():
            for trial, end in enumerate(epochs):
                for epoch in range(1, end + 1):
                    where = {"fit": name_fit(study, phase, 0), "stage": stage, "epoch": epoch, "trial": trial}
                    which = {"variant": variant, "fold": "fold_0", "seed": trial}
                    values = {"loss": trial + 1 / epoch, "prediction": trial + 1 / epoch, "scale": 1.0}
                    lines.append({**where, **which, **values, f"validation/{metric}": 1 - 1 / (epoch + 1)})
        with open(folder / "metrics.jsonl", "a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    return add
