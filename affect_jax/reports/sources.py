"""Which cell of which run answers which question: the agreement between the configs and the reports.

A run is named by its config argument; its studies and cells are named as in the thesis' rows.
"""

import re
from typing import NamedTuple


class Source(NamedTuple):
    """One cell of one of our runs."""

    config: str  # the config argument that makes the run folder
    study: str
    cell: str


class Pair(NamedTuple):
    """One co-learning question: `method` against each reference, on rows of the same fold and seed."""

    label: str
    corpus: str
    split: str
    metrics: tuple[str, ...]
    method: Source
    references: tuple[tuple[str, Source], ...]


class Question(NamedTuple):
    """Do two cells differ on rows of the same fold and seed?"""

    label: str
    a: Source
    b: Source
    split: str
    metrics: tuple[str, ...]


CONFLICTNET = "configs/conflictnet.py:sspnet_conflict"
FUSION = "configs/fusion.py"
BASELINES = "baseline"
"""Last part of the config argument, and the only study, of what launch.baselines makes."""
IS13, RANDOM_SUBSET = "IS13 baseline", "Random subset feature selection"
MODALITIES = {"audio": "audio", "geo": "video_geometric", "app": "video_appearance", "video": "video", "text": "text"}
ENCODERS = {"Classifier": "classifier", "BiGRU+Classifier": "bigru", "BiGRU+TE+Classifier": "bigru+te"}
CELLS_SEW = ("SEW", "-S_D2", "-CCA", "-S_D1", "-(CCA & S_D1)")
CELLS_SEQSEW = ("SeqSEW", "-LFA", "-Decoder", "-(LFA & Decoder)")
PAIRS_SEW = ("arousal,geo+audio", "arousal,app+audio", "valence,audio+geo", "valence,app+audio", "valence,app+geo")
PAIRS_SEQSEW = (
    "mosi,video+text",
    "mosi,audio+text",
    "recola,arousal,app+audio",
    "recola,arousal,geo+audio",
    "recola,valence,audio+app",
    "recola,valence,audio+geo",
)


def sew(pair: str, cell: str = "SEW") -> Source:
    """SEW and its ablations are the study 'pair'; its own unimodal baselines are 'weaker' and 'stronger'."""
    study = {"unimodal weaker": "weaker", "unimodal stronger": "stronger"}.get(cell, "pair")
    return Source(f"configs/sew.py:{pair}", study, cell)


def sew_unimodal(target: str, modality: str) -> Source:
    """SEW's regressor on one modality: a study a modality."""
    return Source(f"configs/sew_unimodal.py:{target}", MODALITIES[modality], "regressor")


def seqsew(pair: str, cell: str = "SeqSEW") -> Source:
    """SeqSEW and its ablations, of which those without the decoder are a study of their own (a smaller
    program).

    `pair` is 'mosi,video+text' or 'recola,arousal,geo+audio'.
    """
    return Source(f"configs/seqsew.py:{pair}", "no_decoder" if "Decoder" in cell else "pair", cell)


def seqsew_unimodal(corpus: str, modality: str, cell: str = "BiGRU+TE+Classifier") -> Source:
    """`corpus` is 'mosi', 'recola,arousal' or 'recola,valence'."""
    return Source(f"configs/seqsew_unimodal.py:{corpus}", f"{MODALITIES[modality]}/{ENCODERS[cell]}", cell)


def conflictnet(study: str, cell: str) -> Source:
    """A network of chapter 3 on SSPNet Conflict."""
    return Source(CONFLICTNET, study, cell)


def classical(cell: str) -> Source:
    """A classical baseline on SSPNet Conflict."""
    return Source(baselines(CONFLICTNET), BASELINES, cell)


def baselines(config: str) -> str:
    """The config argument of what launch.baselines makes of a config's corpus and folds."""
    return f"{config}{',' if ':' in config else ':'}{BASELINES}"


def network(config: str) -> str:
    """The way back of `baselines`; any other config argument is left alone."""
    return re.sub(rf"[,:]{BASELINES}$", "", config)


def fusion(runs: str, study: str) -> Source:
    """A study of chapter 4, whose one cell has its name; `runs` is the set of studies that are one run folder."""
    return Source(f"{FUSION}:{runs},iemocap", study, study)


def small(config: str) -> str:
    """The config argument of the same studies at the sizes of the synthetic corpus; `config` where it has none."""
    return config.removesuffix(",iemocap") if config.startswith(f"{FUSION}:") else config


def candidates(config: str, synthetic: bool) -> tuple[str, ...]:
    """Config arguments whose runs have the studies of `config`, the first choice first.

    Args:
      config: what a `Source` names.
      synthetic: whether a small synthetic run may stand in.
    """
    if not config.startswith(f"{FUSION}:"):
        return (config,)
    found = (config, f"{FUSION}:all,iemocap")
    unnamed = (FUSION,) if small(config) == f"{FUSION}:trimodal" else ()  # what the config file makes when not asked
    return (*found, *map(small, found), *unnamed) if synthetic else found


def _pair_seqsew(pair: str) -> Pair:
    corpus, weaker = pair.rsplit(",", 1)[0], pair.rsplit(",", 1)[1].split("+")[0]
    mosi = corpus == "mosi"
    references = (("unimodal BiGRU+TE", seqsew_unimodal(corpus, weaker)),) + tuple(
        (cell, seqsew(pair, cell)) for cell in CELLS_SEQSEW[1:]
    )
    return Pair(
        f"SeqSEW {pair}",
        "cmu_mosi" if mosi else "recola",
        "test" if mosi else "validation",
        ("accuracy", "weighted_f1") if mosi else ("ccc",),
        seqsew(pair),
        references,
    )


def _pair_sew(pair: str) -> Pair:
    references = tuple((cell, sew(pair, cell)) for cell in ("unimodal weaker", *CELLS_SEW[1:]))
    return Pair(f"SEW {pair}", "recola", "validation", ("ccc",), sew(pair), references)


PAIRS = tuple(_pair_sew(pair) for pair in PAIRS_SEW) + tuple(_pair_seqsew(pair) for pair in PAIRS_SEQSEW)


def _question(label: str, a: Source, b: Source) -> Question:
    return Question(label, a, b, "test", ("uar", "accuracy"))


def _two_modalities(modalities: str) -> tuple[Question, ...]:
    a = fusion("modalities", f"intra {modalities}")
    return tuple(
        _question(f"intra vs {against}, {modalities}", a, fusion("modalities", f"{study} {modalities}"))
        for against, study in (("cross", "cross"), ("MDRE", "mdre"), ("MHA", "mha"))
    )


_INTRA, _CROSS = fusion("trimodal", "intra"), fusion("trimodal", "cross")
QUESTIONS = (
    _question("intra vs cross, T+V+A", _INTRA, _CROSS),
    _question("intra vs MDRE, T+V+A", _INTRA, fusion("modalities", "mdre")),
    _question("intra vs AMH, T+V+A", _INTRA, fusion("modalities", "amh")),
    *(question for modalities in ("T+V", "T+A", "V+A") for question in _two_modalities(modalities)),
    _question("intra-nosp vs cross-nosp", fusion("ablations", "intra-nosp"), fusion("ablations", "cross-nosp")),
    _question("intra vs intra-nosp", _INTRA, fusion("ablations", "intra-nosp")),
    _question("cross vs cross-nosp", _CROSS, fusion("ablations", "cross-nosp")),
    _question("cross+intra vs intra", fusion("ablations", "cross+intra"), _INTRA),
    _question("intra+moddrop vs intra", fusion("moddrop", "intra+moddrop"), _INTRA),
    _question("cross+moddrop vs cross", fusion("moddrop", "cross+moddrop"), _CROSS),
)
"""What chapter 4 compares."""
