"""Intra- and cross-modal attention fusion for emotions from text, video and audio (thesis chapter 4).

    python -m launch.main --config=configs/fusion.py                        # intra and cross, 50 trials each, synthetic
    python -m launch.main --config=configs/fusion.py:all,iemocap --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/fusion.py:all,ravdess --config.corpus.manual_dir=RAVDESS_DIR

Argument: a set of studies, then a corpus, then its labels, each with a default (trimodal,synthetic,emotion7).

    trimodal    intra, cross                                    all modalities together (table 4.1, bottom line)
    moddrop     intra+moddrop, cross+moddrop                    trained on whole and on incomplete examples (table 4.5)
    ablations   intra-nosp, cross-nosp, cross+intra             (table 4.2)
    pairs       T2V, ..., A2T+A2V                               cross-modal attention between some (table 4.3)
    modalities  intra T, cross T+V, mdre T+V, mha T+V, amh ...  fewer modalities, and the compared methods (table 4.1)
    all         everything

    synthetic        a small IEMOCAP of ours, models of fewer units
    iemocap          the features and folds of AMH's authors, which the thesis uses
    iemocap_release  the full release; without prosody, which AMH's authors do not ship the recipe of
    ravdess          two modalities, A (MFCC) and V (one vector of action units), and so fewer studies
    manifest         one's own, whatever modalities it has (docs/own_data.md): --config.corpus.manifest=FILE.csv

    emotion7, emotion6, emotion4 of IEMOCAP; emotion (8 classes) and emotion7 of RAVDESS

Every trial is a fold and a seed: 5 folds x 10 seeds (2 on the synthetic corpus, but for trimodal). The thesis has
accuracy .642 and UAR .587 with intra, .636 and .578 with cross on IEMOCAP's seven classes. RAVDESS' two statements say
nothing of emotions, so it has no text; a logistic regression gets .47 on MFCC, .59 on action units, .69 on both
(`python -m launch.baselines --help`).
"""

import itertools
from typing import Any

import ml_collections

from configs import common

SETS = ("trimodal", "moddrop", "ablations", "pairs", "modalities")
CORPORA = ("synthetic", "iemocap", "iemocap_release", "ravdess", "manifest")
CLASSES = {"emotion": 8, "emotion7": 7, "emotion6": 6, "emotion4": 4}
LETTERS = {"iemocap": {"T": "text", "V": "video", "A": "audio"}, "ravdess": {"V": "action_units", "A": "mfcc"}}
# Steps behind the map over time: the thesis' for IEMOCAP. The synthetic corpus is shorter; RAVDESS' clips are cut to
# 4 s (400 frames), and its action units are one step.
MAP_STEPS = {
    "iemocap": dict(T=0, V=25, A=500),
    "iemocap_release": dict(T=0, V=25, A=500),
    "synthetic": dict(T=0, V=6, A=16),
    "ravdess": dict(V=0, A=50),
    "manifest": dict(T=0, V=0, A=0),  # these three only stand for what the manifest has
}
SINGLE = ("T2V", "T2A", "V2T", "V2A", "A2T", "A2V")
DOUBLE = ("V2T+A2T", "V2A+T2A", "A2V+T2V", "T2V+T2A", "V2A+V2T", "A2T+A2V")
PAIRS = (*SINGLE, *DOUBLE)


def _studies(letters: str, corpus: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Set -> study -> what differs in the model."""
    names, steps = LETTERS["ravdess" if corpus == "ravdess" else "iemocap"], MAP_STEPS[corpus]

    def over(some: str) -> dict[str, Any]:
        return dict(modalities=tuple(names[x] for x in some), map_steps=tuple(steps[x] for x in some))

    def fusion(some: str, attention: str = "intra", **changes: Any) -> dict[str, Any]:
        return dict(over(some), attention=attention, input_dropout=(0.0,) * len(some), **changes)

    def compared(some: str, method: str) -> dict[str, Any]:
        prosody = "" if corpus in ("iemocap_release", "manifest") else "prosody"
        small = dict(units=12) if corpus == "synthetic" else {}
        return dict(name=method, modalities=over(some)["modalities"], prosody=prosody, **small)

    def pairs(label: str) -> tuple[str, ...]:
        return tuple(f"{names[pair[0]]}->{names[pair[-1]]}" for pair in label.split("+"))

    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in SETS}
    found["trimodal"] = {kind: fusion(letters, kind) for kind in ("intra", "cross")}
    found["moddrop"] = {f"{kind}+moddrop": fusion(letters, kind) for kind in ("intra", "cross")}
    found["ablations"] = {f"{k}-nosp": fusion(letters, k, statistical_pooling=False) for k in ("intra", "cross")}
    found["ablations"]["cross+intra"] = fusion(letters, "cross+intra")
    for letter in letters:
        found["modalities"][f"intra {letter}"] = fusion(letter)
    if len(letters) > 2:
        found["pairs"] = {label: fusion(letters, "cross", pairs=pairs(label)) for label in PAIRS}
        for two in itertools.combinations(letters, 2):
            label = "+".join(two)
            for kind in ("intra", "cross"):
                found["modalities"][f"{kind} {label}"] = fusion("".join(two), kind)
            for method in ("mdre", "mha"):
                found["modalities"][f"{method} {label}"] = compared("".join(two), method)
        for method in ("mdre", "amh"):
            found["modalities"][method] = compared(letters, method)
    return found


def _combinations(letters: str, names: dict[str, str]) -> tuple[str, ...]:
    """Moddrop's: all modalities, and all but one."""
    subsets = [letters, *("".join(some) for some in itertools.combinations(letters, len(letters) - 1))]
    return tuple("+".join(names[x] for x in some) for some in subsets)


def get_config(argument: str = "trimodal") -> ml_collections.ConfigDict:
    """The config of one set of studies on one corpus."""
    which, corpus, labels = (*argument.split(","), "", "")[:3]
    common.choose("the set of studies", which, (*SETS, "all"))
    corpus = common.choose("the corpus", corpus or "synthetic", CORPORA)
    ravdess = corpus == "ravdess"
    there = ("emotion", "emotion7") if ravdess else ("emotion7", "emotion6", "emotion4")
    labels = common.choose("the labels", labels or there[0], there)
    letters, names = ("AV", LETTERS["ravdess"]) if ravdess else ("TVA", LETTERS["iemocap"])
    sets = _studies(letters, corpus)
    chosen = {name: model for s in SETS if which in (s, "all") for name, model in sets[s].items()}
    if not chosen:
        raise ValueError(f"config argument: {corpus} has no studies in the set {which!r}; choose one of the others")
    small = corpus == "synthetic"
    # On RAVDESS the best epoch is among the first five (1,000 clips, 35 updates an epoch; with Moddrop, three times
    # that); so it is on the synthetic corpus.
    patience = dict(plain=5, moddrop=2 if ravdess else 5) if ravdess or small else dict(plain=10, moddrop=10)
    moddrop = dict(fit=dict(moddrop=_combinations(letters, names), patience=patience["moddrop"]))
    attention_only = ("attention", "pairs", "statistical_pooling", "map_steps", "units", "heads", "hidden", "fidelity")
    studies = {}
    for name, model in chosen.items():
        studies[name] = dict(override=dict(model=model), variants={name: {}})
        if name in sets["moddrop"]:
            studies[name]["override"]["stages"] = moddrop
        if "name" in model:
            studies[name]["drop"] = tuple(f"model.{key}" for key in (*attention_only, "input_dropout"))
    modalities = tuple(names[x] for x in letters)
    prosody = ("prosody",) if corpus in ("synthetic", "iemocap") else ()
    steps = dict.fromkeys((*modalities, *prosody), 0)  # to which an utterance is cut or padded; 0: the longest one's
    if ravdess:
        steps["mfcc"] = 400
    if corpus.startswith("iemocap"):
        steps.update(text=128, video=32, audio=1000)
    release = common.ravdess(labels) if ravdess else common.iemocap(corpus == "iemocap_release", labels)
    if corpus == "manifest":
        release["name"] = corpus
    config = dict(
        name=f"Attention fusion {which} {corpus} {labels}",
        task="multiclass",
        corpus=release,
        data=dict(common.data((*modalities, *prosody), labels, "item", eval_size=64), steps=steps),
        study=dict(only=(), folds=(), seeds=2 if small and which != "trimodal" else 10),
        model=dict(
            name="attention_fusion",
            modalities=modalities,
            classes=CLASSES[labels],
            attention="intra",
            pairs=(),
            statistical_pooling=True,
            map_steps=tuple(MAP_STEPS[corpus][x] for x in letters),
            units=12 if small else 60,
            heads=6,
            hidden=12 if small else 60,
            input_dropout=(0.0,) * len(letters),
            fidelity="thesis",  # or authors
        ),
        schedule=("fit",),
        stages=dict(
            fit=common.stage(
                ("*",),
                dict(prediction=common.loss("cross_entropy", "logits", "target")),
                optimizer=common.adam(0.001),
                metric="accuracy",
                epochs=20 if small else 30 if ravdess else 100,
                patience=patience["plain"],
                dropout=0.1,
                plateau=dict(patience=10, metric="log_loss"),
            )
        ),
        studies=studies,
        search=dict(grid={}, seeds=1),
        engine=common.engine(),
    )
    return ml_collections.ConfigDict(config)
