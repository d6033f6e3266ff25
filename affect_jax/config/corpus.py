"""`config.corpus`: which corpus, and what is said to it."""

import importlib
import pkgutil
from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any

from affect_jax import datasets
from affect_jax.config.schema import Corpus
from affect_jax.datasets.settings import resolve_settings
from affect_jax.errors import UserError, join_words, suggest_nearest

OWN = {"manifest": "manifest", "arrays": "path", "joined": "parts"}
"""Corpora of one's own files -> the setting that says where they are. Every config has their settings beside those of a
release."""


def imply_corpus(
    document: Mapping[str, Any], given: Collection[str]
) -> tuple[dict[str, Any], frozenset[str], tuple[str, ...]]:
    """A plain config whose corpus is the one that a flag's file belongs to: `corpus.manifest` alone means the corpus
    'manifest', `corpus.path` alone 'arrays', and `corpus.parts` 'joined'.

    Returns:
      The config, what was given with it, and a remark where the corpus was another one.

    Raises:
      UserError: files of two corpora were given.
    """
    corpus, given = document["corpus"], frozenset(given)
    files = {name: corpus[key] for name, key in OWN.items() if f"corpus.{key}" in given and corpus.get(key)}
    if "corpus.name" in given or not files or corpus["name"] in files:
        return dict(document), given, ()
    if len(files) > 1:
        named = " and ".join(f"config.corpus.{OWN[name]}" for name in files)
        raise UserError(
            f"{named} are {'both' if len(files) == 2 else 'all'} given, but a run has one corpus; leave all but one "
            "out, or name several in config.corpus.parts (docs/across.md)"
        )
    ((name, file),) = files.items()
    remark = f"corpus.name: {corpus['name']} -> {name}, because config.corpus.{OWN[name]} is {_name_files(file)}"
    return {**document, "corpus": {**corpus, "name": name}}, given | {"corpus.name"}, (remark,)


def _name_files(file: Any) -> str:
    return f"of {join_words(file)}" if isinstance(file, Mapping) else str(file)


def import_corpus(name: str) -> ModuleType:
    """The package of a corpus.

    Raises:
      UserError: there is none of that name.
    """
    names = sorted(m.name for m in pkgutil.iter_modules(datasets.__path__) if m.ispkg)
    if name not in names:
        raise UserError(
            f"config.corpus.name is {name!r}{suggest_nearest(str(name), names)}; choose one of {join_words(names)}"
        )
    return importlib.import_module(f"affect_jax.datasets.{name}")


def select_settings(corpus: Mapping[str, Any], modalities: tuple[str, ...], target: str) -> dict[str, Any]:
    """What `config.corpus` says to the corpus that it names: without what is left open or another's.

    Of a release, `modalities` and `target` that are left open are what `config.data` reads. What is set and unknown
    to a release is left for it to refuse; the user's files take no notice of what a config file says about its
    release.

    Args:
      corpus: `config.corpus`, plain.
      modalities: of `config.data`.
      target: likewise.

    Raises:
      UserError: no such corpus.
    """
    known = import_corpus(corpus["name"]).DEFAULTS
    given = {key: value for key, value in corpus.items() if value is not None}
    if given["name"] in OWN:
        if not set(given.get("synthetic", ())) <= set(known.get("synthetic", ())):
            del given["synthetic"]  # sizes of the release's twin
        return {key: value for key, value in given.items() if key in known or key == "manual_dir"}
    for key, value in (("modalities", modalities), ("target", target)):
        if key in known:
            given.setdefault(key, value)
    return given


def check_settings(settings: Mapping[str, Any]) -> None:
    """Checks selected settings against those that the corpus has.

    Raises:
      UserError: a line for each unknown key, wrong type and value out of range.
    """
    resolve_settings(settings, import_corpus(settings["name"]).Settings)


def is_synthetic(corpus: Mapping[str, Any]) -> bool:
    """Whether a generated corpus stands in for the release: nobody said where the release is."""
    return corpus.get("name") not in ("manifest", "joined") and not any(
        corpus.get(key) for key in ("manual_dir", "download", "path")
    )


def make_corpus(settings: Mapping[str, Any]) -> Corpus:
    """The corpus of selected settings."""
    return Corpus(settings["name"], dict(settings), is_synthetic(settings))
