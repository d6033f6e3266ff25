"""Which variant of which run answers which question: the agreement between the configs and the reports.

A run is named by its config argument, its studies and variants as its config names them.
"""

import re
from typing import NamedTuple


class Source(NamedTuple):
    """One variant of one of our runs."""

    config: str  # the config argument that makes the run folder
    study: str
    variant: str


class Question(NamedTuple):
    """Do two variants differ over trials of the same fold and seed? `b` None stands for a constant answer."""

    label: str
    a: Source
    b: Source | None
    split: str
    metrics: tuple[str, ...]


class Pair(NamedTuple):
    """Did co-learning help: `method` against each reference, a name and what it stands for."""

    label: str
    corpus: str
    split: str
    metrics: tuple[str, ...]
    method: Source
    references: tuple[tuple[str, Source], ...]


CONFLICTNET = "configs/conflictnet.py:sspnet_conflict"
FUSION = "configs/fusion.py"
BASELINES = "baseline"
"""Last part of the config argument, and the only study, of what launch.baselines makes."""
IS13, RANDOM_SUBSET = "IS13 baseline", "Random subset feature selection"
MODALITIES = {"audio": "audio", "geo": "video_geometric", "app": "video_appearance", "video": "video", "text": "text"}
VARIANTS_SEW = ("SEW", "-S_D2", "-CCA", "-S_D1", "-(CCA & S_D1)")
VARIANTS_SEQSEW = ("SeqSEW", "-LFA", "-Decoder", "-(LFA & Decoder)")
PAIRS_SEW = ("arousal,geo+audio", "arousal,app+audio", "valence,audio+geo", "valence,app+audio", "valence,app+geo")
PAIRS_SEQSEW = (
    "mosi,video+text",
    "mosi,audio+text",
    "recola,arousal,app+audio",
    "recola,arousal,geo+audio",
    "recola,valence,audio+app",
    "recola,valence,audio+geo",
)


def pick_sew(pair: str, variant: str = "SEW") -> Source:
    """SEW and its ablations are the study 'teachers'; the regressor on one modality alone is a study of its own.

    `pair` is 'arousal,geo+audio', `variant` of `VARIANTS_SEW`, or 'unimodal weaker', 'unimodal stronger'.
    """
    config = f"configs/sew.py:{pair}"
    if variant not in VARIANTS_SEW:
        weaker, stronger = pair.rpartition(",")[2].split("+")
        modality = MODALITIES[weaker if variant == "unimodal weaker" else stronger]
        return Source(config, f"unimodal_{modality}", f"unimodal {modality}")
    return Source(config, "teachers", variant)


def pick_seqsew(pair: str, variant: str = "SeqSEW") -> Source:
    """SeqSEW and its ablations, of which those without the decoder are a study of their own (a smaller program).

    `pair` is 'mosi,video+text' or 'recola,arousal,geo+audio', `variant` of `VARIANTS_SEQSEW`.
    """
    return Source(f"configs/seqsew.py:{pair}", "no_decoder" if "Decoder" in variant else "teachers", variant)


def name_baselines(config: str) -> str:
    """The config argument of what launch.baselines makes of a config's corpus and folds."""
    return f"{config}{',' if ':' in config else ':'}{BASELINES}"


def name_network(config: str) -> str:
    """The inverse of `name_baselines`; any other config argument is returned as it is."""
    return re.sub(rf"[,:]{BASELINES}$", "", config)


def pick_fusion(runs: str, study: str) -> Source:
    """A study of chapter 4, whose one variant has its name; `runs` is the set of studies that are one run folder."""
    return Source(f"{FUSION}:{runs},iemocap", study, study)


def shrink_config(config: str) -> str:
    """The config argument of the same studies at the sizes of the synthetic corpus; `config` where it has none."""
    return config.removesuffix(",iemocap") if config.startswith(f"{FUSION}:") else config


def list_candidates(config: str, synthetic: bool) -> tuple[str, ...]:
    """Config arguments whose runs have the studies of `config`, the first choice first."""
    if not config.startswith(f"{FUSION}:"):
        return (config,)
    names = (config, f"{FUSION}:all,iemocap")
    # What the config file makes without an argument.
    unnamed = (FUSION,) if shrink_config(config) == f"{FUSION}:trimodal" else ()
    return (*names, *map(shrink_config, names), *unnamed) if synthetic else names


def _ask_seqsew(pair: str) -> Pair:
    corpus, _, modalities = pair.rpartition(",")
    study, variant = f"{MODALITIES[modalities.split('+')[0]]}/bigru+te", "BiGRU+TE+Classifier"
    alone = ("unimodal BiGRU+TE", Source(f"configs/seqsew_unimodal.py:{corpus}", study, variant))
    ablations = tuple((variant, pick_seqsew(pair, variant)) for variant in VARIANTS_SEQSEW[1:])
    facts = ("recola", "validation", ("ccc",))
    if corpus == "mosi":
        facts = ("cmu_mosi", "test", ("accuracy", "weighted_f1"))
    return Pair(f"SeqSEW {pair}", *facts, pick_seqsew(pair), (alone, *ablations))


def _ask_sew(pair: str) -> Pair:
    references = tuple((variant, pick_sew(pair, variant)) for variant in ("unimodal weaker", *VARIANTS_SEW[1:]))
    return Pair(f"SEW {pair}", "recola", "validation", ("ccc",), pick_sew(pair), references)


PAIRS = tuple(_ask_sew(pair) for pair in PAIRS_SEW) + tuple(_ask_seqsew(pair) for pair in PAIRS_SEQSEW)


def _ask(label: str, a: Source, b: Source) -> Question:
    return Question(label, a, b, "test", ("uar", "accuracy"))


def _ask_of_two(modalities: str) -> tuple[Question, ...]:
    a = pick_fusion("modalities", f"intra {modalities}")
    return tuple(
        _ask(f"intra vs {against}, {modalities}", a, pick_fusion("modalities", f"{study} {modalities}"))
        for against, study in (("cross", "cross"), ("MDRE", "mdre"), ("MHA", "mha"))
    )


_INTRA, _CROSS = pick_fusion("trimodal", "intra"), pick_fusion("trimodal", "cross")
_NOSP = {study: pick_fusion("ablations", f"{study}-nosp") for study in ("intra", "cross")}
QUESTIONS = (
    _ask("intra vs cross, T+V+A", _INTRA, _CROSS),
    _ask("intra vs MDRE, T+V+A", _INTRA, pick_fusion("modalities", "mdre")),
    _ask("intra vs AMH, T+V+A", _INTRA, pick_fusion("modalities", "amh")),
    *(question for modalities in ("T+V", "T+A", "V+A") for question in _ask_of_two(modalities)),
    _ask("intra-nosp vs cross-nosp", _NOSP["intra"], _NOSP["cross"]),
    _ask("intra vs intra-nosp", _INTRA, _NOSP["intra"]),
    _ask("cross vs cross-nosp", _CROSS, _NOSP["cross"]),
    _ask("cross+intra vs intra", pick_fusion("ablations", "cross+intra"), _INTRA),
    _ask("intra+moddrop vs intra", pick_fusion("moddrop", "intra+moddrop"), _INTRA),
    _ask("cross+moddrop vs cross", pick_fusion("moddrop", "cross+moddrop"), _CROSS),
)
"""What chapter 4 compares."""
