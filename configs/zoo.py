"""The zoo: every method that fits a corpus, as studies of one run (docs/zoo.md has the methods and what is proven).

    python -m launch.main --config=configs/zoo.py                               # fusion on a small synthetic IEMOCAP
    python -m launch.main --config=configs/zoo.py:fusion,synthetic,tfn
    python -m launch.main --config=configs/zoo.py:fusion,cmu_mosi --config.corpus.manual_dir=DIR
    python -m launch.main --config=configs/zoo.py:fusion,ravdess --config.corpus.manual_dir=RAVDESS_DIR
    python -m launch.main --config=configs/zoo.py:fusion,arrays --config.corpus.path=aligned_50.pkl
    python -m launch.main --config=configs/zoo.py:colearning                    # other modalities teach one

Each method gets the same budget: learning rate and dropout are the best of eight random points on each fold's
validation; not on the synthetic corpus, which only shows that all of them learn.

Argument: fusion or colearning, a corpus (synthetic | cmu_mosi | cmu_mosi_videos | ravdess | planted | arrays |
manifest; for co-learning also those below), then one method, or nothing for all that fit.

    synthetic   three modalities of an IEMOCAP of ours, seven emotions; says nothing about IEMOCAP
    cmu_mosi    an example is an utterance, its modalities are vectors, the label is its polarity, as two classes
    cmu_mosi_videos  an example is a video, a sequence of labelled utterances: for methods that read their context
    ravdess     MFCC (400 steps) and action units (a vector), eight emotions, five folds of actors
    cmu_mosi_audio, cmu_mosi_video  for co-learning alone: text teaches audio, or video
    ravdess_audio  for co-learning alone: the face's action units teach the voice; of ravdess the voice teaches them
    recola      for co-learning alone: speech teaches the geometry of the face, frame by frame, arousal
    planted     a weak modality and a teacher, numbers, in scenarios with planted answers (docs/third_modality.md); the
                teacher knows half of the label that weak shows, of planted_complementary the other half, of
                planted_distracting nothing but weak's nuisances, of planted_noise nothing; of planted_strong the weak
                one teaches. For co-learning alone
    arrays      padded arrays (docs/arrays.md); the file decides modalities, labels and losses
    manifest    one's own (docs/own_data.md), likewise
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import ml_collections

from affect_jax.config.fit_labels import Target, fit_to_label
from affect_jax.errors import UserError
from configs import base
from configs.zoo_colearning import ALONE, COLEARNING
from configs.zoo_imitation import IMITATION
from configs.zoo_place import Place, Study, make_stage

FAMILIES = ("fusion", "colearning")


# --- Corpora ---------------------------------------------------------------------------------------------------------


def _synthetic() -> tuple[Place, dict[str, Any]]:
    modalities = ("text", "video", "audio")
    data = base.data(
        modalities, "emotion7", unit="item", eval_size=64, steps={m: base.left_open(int) for m in modalities}
    )
    return Place(modalities, modalities, 7, 16, epochs=20, patience=5), dict(corpus=base.iemocap("emotion7"), data=data)


def _cmu_mosi(modalities: tuple[str, ...] = tuple(base.MOSI.values())) -> tuple[Place, dict[str, Any]]:
    data = base.data(modalities, "binary", unit="frame", eval_size=256)
    return Place(modalities, (), 2, 64, shares_steps=True), dict(corpus=base.cmu_mosi(), data=data)


def _cmu_mosi_videos() -> tuple[Place, dict[str, Any]]:
    modalities = tuple(base.MOSI.values())
    data = base.data(modalities, "binary", unit="recording", eval_size=10)
    place = Place(modalities, modalities, 2, 64, shares_steps=True, per_step=True)
    return place, dict(corpus=base.cmu_mosi(), data=data)


def _ravdess(modalities: tuple[str, ...] = ("mfcc", "action_units")) -> tuple[Place, dict[str, Any]]:
    steps = dict(mfcc=400, action_units=base.left_open(int))  # clips are cut to 4 s
    data = base.data(modalities, "emotion", unit="item", eval_size=64, steps=steps)
    return Place(modalities, ("mfcc",), 8, 64), dict(corpus=base.ravdess("emotion"), data=data)


PLANTED = {
    "planted": ("first", "weak"),
    "planted_complementary": ("complementary", "weak"),
    "planted_distracting": ("distracting", "weak"),
    "planted_noise": ("noise", "weak"),
    "planted_strong": ("weak", "first"),
}
"""Name of a corpus -> the teacher and the student among the modalities of `affect_jax/datasets/planted`."""


def _planted(modalities: tuple[str, str]) -> tuple[Place, dict[str, Any]]:
    """Frames of scenarios, each of which is a fold."""
    sizes = dict(scenarios=8, train=24, validation=8, test=24, steps=12, columns=60, seed=0)
    corpus = dict(name="planted", data_dir=base.left_open(str), synthetic=sizes)
    data = base.data(modalities, "affect", unit="frame", eval_size=256)
    return Place(modalities, (), 0, 16, shares_steps=True, epochs=60, patience=20), dict(corpus=corpus, data=data)


def _recola() -> tuple[Place, dict[str, Any]]:
    """Frames and their arousal, as SEW has them."""
    modalities = (base.RECOLA["audio"], base.RECOLA["geo"])
    data = base.data(modalities, "arousal", unit="frame", eval_size=1024)
    place = Place(modalities, (), 0, 64, shares_steps=True, epochs=20, patience=5)
    return place, dict(corpus=base.recola(), data=data)


def _own(name: str) -> tuple[Place, dict[str, Any]]:
    place, config = _synthetic()  # whose modalities and labels only stand for those of the files
    # Steps are shared where files are aligned or vectors; where not, what needs them is left out.
    batch = None if name == "manifest" else place.batch
    place = place._replace(width=64, shares_steps=True, epochs=50, patience=10, batch=batch)
    return place, dict(config, corpus=config["corpus"] | dict(name=name))


CORPORA: dict[str, Callable[[], tuple[Place, dict[str, Any]]]] = {
    "synthetic": _synthetic,
    "cmu_mosi": _cmu_mosi,
    "cmu_mosi_videos": _cmu_mosi_videos,
    "ravdess": _ravdess,
    "cmu_mosi_audio": lambda: _cmu_mosi((base.MOSI["text"], base.MOSI["audio"])),
    "cmu_mosi_video": lambda: _cmu_mosi((base.MOSI["text"], base.MOSI["video"])),
    "ravdess_audio": lambda: _ravdess(("action_units", "mfcc")),
    "recola": _recola,
    **{name: functools.partial(_planted, modalities) for name, modalities in PLANTED.items()},
    "arrays": lambda: _own("arrays"),
    "manifest": lambda: _own("manifest"),
}
OF_COLEARNING = ("cmu_mosi_audio", "cmu_mosi_video", "ravdess_audio", "recola", *PLANTED)
"""Corpora of a teacher and a student."""
OF_NUMBERS = ("recola", *PLANTED)
POINTS = 8
RANGES = dict(dropout=(0.0, 0.6), optimizer=dict(learning_rate=(3e-4, 1e-2)))
"""Of the stage, on a corpus of data: all methods try the same points, and validation chooses one for each fold."""
FOLDS = dict.fromkeys(
    ("cmu_mosi", "cmu_mosi_videos", "cmu_mosi_audio", "cmu_mosi_video"), ("draw_0", "draw_1", "draw_2")
)

# --- Fusion methods: place -> what a study has otherwise than the config ---------------------------------------------

SUMMARIZED = ("early", "late", "gmu", "mlb", "mutan", "block", "mcb", "modality_attention", "centralnet", "mfas")
"""Methods that fuse vectors: of a sequence its mean and standard deviation."""


def _use(name: str, place: Place, **fields: Any) -> Study:
    """A study of one model, which learns by the loss of the config alone."""
    if name in SUMMARIZED:
        fields["summary"] = "statistics" if place.sequences else "mean"
    return dict(model=dict(name=name, modalities=place.modalities, classes=place.classes, **fields))


def _late(place: Place, combine: str) -> Study:
    """Branches learn by losses of their own; a combiner learns by the loss on what it says."""
    branches = {f"branch_{m}": base.loss("cross_entropy", f"logits/{m}", "target") for m in place.modalities}
    joint = dict(prediction=None) if combine in ("average", "vote") else {}
    study = _use("late", place, combine=combine, hidden=(place.width,))
    return study | dict(stages=dict(fit=dict(losses={**joint, **branches})))


def _tensor(name: str, place: Place, **fields: Any) -> Study:
    """TFN and LMF: an LSTM reads sequences, dense layers the means of the rest.

    Of vectors the codes are as wide as `hidden`, and TFN's weights grow with the product of these widths.
    """
    code = max(place.width // 4, 4)
    hidden = place.width if place.sequences or name != "tfn" else code
    sizes = dict(sequences=place.sequences, hidden=hidden, code=code)
    return _use(name, place, **sizes, **fields)


def _contextual(place: Place, attention: str) -> Study:
    """Ghosal et al.'s attention, whose GRUs have thrice the width of their dense layers."""
    sizes = dict(units=3 * place.width, width=place.width, per_step=place.per_step)
    return _use("mmmu_ba", place, attention=attention, **sizes)


def _catlstm(place: Place) -> Study:
    sizes = dict(units=place.width, fused=place.width, widths=(2 * place.width,) * 3, per_step=place.per_step)
    return _use("catlstm", place, fusion="attention", **sizes)


def _memory(name: str, place: Place, **fields: Any) -> Study:
    """MFN and its kin: all widths are one."""
    sizes = dict(hidden=place.width, memory=place.width, proposal=place.width, gates=(place.width, place.width))
    return _use(name, place, **sizes, **{**dict(head=place.width), **fields})


def _multiply(place: Place, mixed: bool) -> Study:
    """Candidates learn together, each where the others are unsure (Liu et al. 2018)."""
    losses = dict(prediction=None, candidates=base.loss("multiplicative", "candidates", "target", margin=None))
    study = _use("late", place, combine="multiplicative", hidden=(place.width,), mixed=mixed)
    return study | dict(stages=dict(fit=dict(losses=losses)))


def _misa(place: Place) -> Study:
    """Weights of the public code: difference .3 for each pair, similarity and reconstruction 1 for their means."""
    m, losses = place.modalities, {}
    pairs = tuple(itertools.combinations(m, 2))
    for one in m:
        losses[f"own_{one}"] = base.codes("difference", f"private/{one}", f"shared/{one}", weight=0.3)
        losses[f"again_{one}"] = base.mse(f"reconstruction/{one}", f"latent/{one}", weight=1 / len(m))
    for one, other in pairs:
        losses[f"apart_{one}+{other}"] = base.codes("difference", f"private/{one}", f"private/{other}", weight=0.3)
        losses[f"alike_{one}+{other}"] = base.codes("cmd", f"shared/{one}", f"shared/{other}", weight=1 / len(pairs))
    study = _use(
        "misa", place, encoder_units=place.width // 2, width=place.width, heads=2, feed_forward=4 * place.width
    )
    return study | dict(stages=dict(fit=dict(losses=losses)))


def _centralnet(place: Place, alone: bool) -> Study:
    """CentralNet adds the losses of all heads; DMF has the central one's alone."""
    heads = {f"branch_{m}": base.loss("cross_entropy", f"logits/{m}", "target") for m in place.modalities}
    study = _use("centralnet", place, width=place.width, layers=2)
    return study if alone else study | dict(stages=dict(fit=dict(losses=heads)))


MFAS = dict(layers=3, fusions=3)


def _mfas(place: Place) -> Study:
    """The networks learn first, each by its own head; then the fusion that the choices say."""
    layers, fusions = MFAS["layers"], range(MFAS["fusions"])
    heads = {f"branch_{m}": base.loss("cross_entropy", f"logits/{m}", "target") for m in place.modalities}
    own = (*(f"layer_{i}" for i in range(layers)), "head")
    branches = make_stage(place, tuple(f"{m}_{part}" for m in place.modalities for part in own), heads, "average")
    fit = dict(train=(*(f"fusion_{i}" for i in fusions), "head"), choices=dict.fromkeys(_list_choices(place), 0))
    study = _use("mfas", place, width=place.width, **MFAS)
    return study | dict(stages=dict(branches=branches, fit=fit), schedule=("branches", "fit"))


def _list_choices(place: Place) -> dict[str, tuple[int, int]]:
    """Of MFAS: name -> the least and the greatest number."""
    fusions, last = range(MFAS["fusions"]), MFAS["layers"] - 1
    layers = {f"layer_{i}_{m}": (0, last) for i in fusions for m in place.modalities}
    return layers | {f"activation_{i}": (0, 2) for i in fusions} | {"depth": (0, len(fusions) - 1)}


def _centralnet_pictures(place: Place) -> Study:
    """MFCC as a picture; action units are one row of it."""
    heads = {f"branch_{m}": base.loss("cross_entropy", f"logits/{m}", "target") for m in place.modalities}
    sizes = dict(filters=4, depths=(3, 1), fusions=("1+1", "2+1", "3+1"))
    return _use("centralnet_pictures", place, **sizes) | dict(stages=dict(fit=dict(losses=heads)))


def _cen(place: Place) -> Study:
    """The public code's threshold and weight of the penalty."""
    losses = dict(exchange=base.loss("mae", "penalty", "penalty/none", weight=2e-4))
    study = _use("cen", place, width=place.width, planes=(place.width // 4,) * 2, threshold=0.02)
    return study | dict(stages=dict(fit=dict(losses=losses)))


def _mfm(place: Place) -> Study:
    """Codes learn to be N(0, 1); the public code's kernel is narrower for wider codes, as `bandwidth` has it."""
    width, losses = place.width, {}
    for m in (*place.modalities, "joint"):
        code = m if m == "joint" else f"latent/{m}"
        losses[f"prior_{m}"] = base.codes("mmd", code, f"prior/{m}", bandwidth=(width / 2) ** 0.5)
    for m in place.modalities:
        losses[f"reconstruction_{m}"] = base.mse(f"reconstruction/{m}", f"inputs/{m}", weight=0.1)
    sizes = dict(codes=width, joint_code=width, factors=width, joint_factor=width, attention=width)
    study = _memory("mfm", place, **sizes)
    del study["model"]["head"]  # whose width is that of the joint factor
    return study | dict(stages=dict(fit=dict(losses=losses)))


def _self_mm(place: Place) -> Study:
    """Heads of the modalities learn the label of the whole; Self-MM would make labels for them."""
    heads = {f"head_{m}": base.loss("cross_entropy", f"logits/{m}", "target") for m in place.modalities}
    study = _use("self_mm", place, units=place.width, codes=place.width, fused=place.width, own=place.width)
    return study | dict(stages=dict(fit=dict(losses=heads)))


def _hybrid(name: str, place: Place, **fields: Any) -> Study:
    """MARN and RMFN: all widths are one."""
    return _use(name, place, hidden=place.width, code=place.width, head=place.width, **fields)


FUSION: dict[str, Callable[[Place], Study]] = {
    "early": lambda place: _use("early", place, hidden=(place.width,)),
    "early-linear": lambda place: _use("early", place, hidden=()),
    "model-level": lambda place: _use("early", place, branches=(place.width,), hidden=(place.width,)),
    "late-average": lambda place: _late(place, "average"),
    "late-vote": lambda place: _late(place, "vote"),
    "late-product": lambda place: _late(place, "product"),
    "late-learned": lambda place: _late(place, "learned"),
    "gmu": lambda place: _use("gmu", place, width=place.width, maxout_layers=1),
    "mmtm": lambda place: _use("mmtm", place, widths=(place.width, place.width)),
    "msaf": lambda place: _use("msaf", place, widths=(place.width, place.width), block=place.width // 4),
    "bilinear": lambda place: _use("bilinear", place, width=place.width // 2),
    "faf": lambda place: _use("faf", place, units=place.width, width=place.width, filters=place.width),
    "mcsan": lambda place: _use("mcsan", place, width=place.width, hidden=place.width),
    "xflow": lambda place: _use(
        "xflow", place, widths=(place.width, place.width), crossed=place.width // 2, hidden=place.width
    ),
    "modality_attention": lambda place: _use("modality_attention", place, width=place.width),
    "mlb": lambda place: _use("mlb", place, width=place.width),
    "mutan": lambda place: _use("mutan", place, width=place.width, rank=5),
    "block": lambda place: _use("block", place, width=place.width, chunks=4, rank=5),
    "mcb": lambda place: _use("mcb", place, width=16 * place.width),
    "multiplicative": lambda place: _multiply(place, mixed=False),
    "mulmix": lambda place: _multiply(place, mixed=True),
    "misa": _misa,
    "mult": lambda place: _use("mult", place, width=place.width // 2, heads=4, layers=2),
    "tfn": lambda place: _tensor("tfn", place, post=place.width),
    "lmf": lambda place: _tensor("lmf", place, rank=4),
    "centralnet": lambda place: _centralnet(place, alone=False),
    "dmf": lambda place: _centralnet(place, alone=True),
    "mfas": _mfas,
    "centralnet_pictures": _centralnet_pictures,
    "cen": _cen,
    "mfcc_cnn": lambda place: dict(model=dict(name="mfcc_cnn", modality="mfcc", classes=place.classes)),
    "mmmu_ba": lambda place: _contextual(place, "pairs"),
    "mu_sa": lambda place: _contextual(place, "self"),
    "mmuu_sa": lambda place: _contextual(place, "modalities"),
    "contextual_none": lambda place: _contextual(place, "none"),
    "catlstm": _catlstm,
    "mfn": lambda place: _memory("mfn", place, attention=place.width),
    "graph_mfn": lambda place: _memory("graph_mfn", place, vertex=place.width // 2, graph=place.width),
    "mfm": _mfm,
    "raven": lambda place: _use("raven", place, width=place.width, units=place.width, hidden=place.width),
    "marn": lambda place: _hybrid("marn", place, attention=place.width, reduced=place.width // 2),
    "rmfn": lambda place: _hybrid("rmfn", place, highlight=place.width, fused=place.width),
    "self_mm": _self_mm,
}
METHODS = {"fusion": FUSION, "colearning": COLEARNING | IMITATION | ALONE}
ALIGNED = (
    *("mmuu_sa", "catlstm", "mfn", "graph_mfn", "mfm", "raven", "marn", "rmfn", "faf"),
    *("mctn_multibench", "cen"),
)
"""Methods that read all modalities step by step."""
OF_STEPS = ("mtut",)
"""Methods that compare an example's steps with one another, of which a vector has one: nothing would be learned."""
OF_RAVDESS = ("centralnet_pictures", "mfcc_cnn")
"""Methods on MFCC of one length."""
OF_NAMES = ("mfas",)
"""Methods whose choices have the modalities' names in them, which one's own corpus has others of."""
PER_STEP = (
    *("mmmu_ba", "mu_sa", "mmuu_sa", "contextual_none", "catlstm"),
    *("multiview", "crossmodal_transfer", "mutual_learning", "dcc_cae", "emobed", "implicit_fusion"),
    *("hallucination", "modality_distillation", "admd", "hmtl"),
)
"""Methods that can give a label for each step."""


def list_methods(corpus: str, family: str = "fusion") -> tuple[str, ...]:
    """Methods of a family that fit a corpus."""
    if family == "fusion" and corpus in OF_COLEARNING:
        return ()
    place = CORPORA[corpus]()[0]
    names = [name for name in METHODS[family] if name in PER_STEP or not place.per_step]
    names = [name for name in names if corpus in ("ravdess", "ravdess_audio") or name not in OF_RAVDESS]
    names = [name for name in names if corpus not in ("arrays", "manifest") or name not in OF_NAMES]
    names = [name for name in names if place.sequences or name not in OF_STEPS]
    return tuple(name for name in names if place.shares_steps or name not in ALIGNED)


def _search(corpus: str, place: Place, methods: tuple[str, ...]) -> dict[str, Any]:
    """Of all methods the same; MFAS by itself searches as in the paper, three times 15 points."""
    if corpus in ("synthetic", *PLANTED) and methods != ("mfas",):
        return base.search()
    choices = dict(choices=_list_choices(place)) if "mfas" in methods else {}
    ranges = dict(stages=dict(fit=RANGES | choices))
    if methods == ("mfas",):
        return base.search(random=15, ranges=ranges, rounds=3)
    return base.search(random=POINTS, ranges=ranges)


def get_config(argument: str = "fusion") -> ml_collections.ConfigDict:
    """The config of one family on one corpus: all methods, or one."""
    family, corpus, method, *rest = (*argument.split(","), "", "")[: max(3, argument.count(",") + 1)]
    if rest:
        raise UserError(
            f"config argument: {argument!r} has more than a family, a corpus and a method; leave {rest} out"
        )
    base.parse_argument(family, FAMILIES, "the family")
    corpus = base.parse_argument(corpus or "synthetic", tuple(CORPORA), "the corpus")
    methods = list_methods(corpus, family)
    if method:
        methods = (base.parse_argument(method, tuple(METHODS[family]), "the method"),)
    if not methods:
        raise UserError(f"config argument: {corpus!r} is of co-learning alone; write colearning,{corpus}")
    place, config = CORPORA[corpus]()
    studies = {name: METHODS[family][name](place) for name in methods}

    config |= dict(name=f"zoo {family} {corpus}{method and ' ' + method}", task="multiclass")
    config["model"] = studies[methods[0]]["model"]
    config["schedule"] = ("fit",)
    losses = dict(prediction=base.loss("cross_entropy", "logits", "target"))
    config["stages"] = dict(fit=make_stage(place, ("*",), losses))
    config["studies"] = {name: dict(variants={name: {}}) | study for name, study in studies.items()}
    seeds = 1 if corpus in PLANTED else 2 if corpus == "synthetic" else 5
    config["study"] = base.trials(seeds=seeds, folds=FOLDS.get(corpus))
    config["search"] = _search(corpus, place, methods)
    config["engine"] = base.engine()
    if corpus in OF_NUMBERS:
        config = fit_to_label(config, Target(config["data"]["target"], place.classes))
    if corpus not in PLANTED:
        config["synthetic"] = dict(study=dict(seeds=2), stages=dict(fit=dict(epochs=20, patience=5)))
    return ml_collections.ConfigDict(config)
