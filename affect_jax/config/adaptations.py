"""What was changed of a config to make it fit one's own corpus, a line each; and that no flag is overruled."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from affect_jax.config.changes import find_value, list_leaves, was_given
from affect_jax.config.modalities import map_single_modalities
from affect_jax.errors import UserError, join_words

_MISSING = object()
_PARTS = ("stages", "task", "model", "data", "study", "search")
_TOLD = ("data.window", "data.hop", "data.window_seconds", "data.hop_seconds", "data.delay")
"""Settings whose change a sentence of its own tells, or that are turned into another unit."""


def describe_changes(before: Mapping[str, Any], after: Mapping[str, Any], label: str) -> list[str]:
    """A line for each setting that was set and has another value now: `path: old -> new, because ...`.

    Args:
      before: the plain config.
      after: the one that is run.
      label: what is learned, such as "the label 'mood' has 2 classes".
    """
    studies = [tuple(document["studies"]) for document in (before, after)]
    are_others = set(studies[0]) != set(studies[1])
    lines, alone = [], are_others and map_single_modalities(after)
    for part in _PARTS:
        for path, value in list_leaves({part: after[part]}):
            old = find_value(before, path)
            if old is None or _is_equal(old, value) or path in _TOLD:
                continue
            reason = _give_reason(path, old, after, label)
            if alone and part == "model" and reason == _list_modalities(after):
                continue  # each study has a model of its own, and the line of the studies says of what
            lines.append(f"{path}: {_show(old)} -> {_show(value)}, because {reason}")
    if are_others:
        only = [name for name in after["study"].get("only") or () if name in after["studies"]]
        reason = f"config.study.only is {_show(only)}" if only else _list_modalities(after)
        lines.append(f"studies: {_show(studies[0])} -> {_show(only or studies[1])}, because {reason}")
    return lines


def refuse_overruled(before: Mapping[str, Any], after: Mapping[str, Any], given: Collection[str], label: str) -> None:
    """Nothing that a flag set may be lost without a word.

    Raises:
      UserError: a line for each flag whose setting the corpus decides otherwise.
    """
    lines = []
    for path, value in _list_given(before, given):
        now = find_value(after, path, _MISSING)
        if now is _MISSING and _is_renamed(path, after):
            continue
        if now is _MISSING:
            lines.append(
                f"config.{path} was given, but on this corpus the config has no such setting "
                f"({_list_modalities(after)}); --print_config lists what it has"
            )
        elif path.endswith(".modalities") and set(value) == set(now):
            continue  # in the order of the files
        elif not _is_equal(value, now):
            lines.append(
                f"config.{path} was given as {_show(value)}, but on this corpus it is {_show(now)}, because "
                f"{_give_reason(path, value, after, label)}; leave it out"
            )
    if lines:
        raise UserError("\n  ".join(lines))


def _list_given(document: Mapping[str, Any], given: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Path and value of everything that flags set, but for the settings of the corpus, which it checks itself."""
    for path, value in list_leaves(document):
        if was_given(path, given) and not path.startswith("corpus.") and path not in _TOLD and value is not None:
            yield path, value


def _is_renamed(path: str, after: Mapping[str, Any]) -> bool:
    """Whether a path may be there under another name: parts of SEW and SeqSEW, and the length of speech, carry those of
    modalities."""
    return "weaker" in after["model"] or (path.startswith("data.steps.") and "modality" in after["model"])


def _is_equal(a: Any, b: Any) -> bool:
    return list(a) == list(b) if isinstance(a, list | tuple) and isinstance(b, list | tuple) else a == b


def _give_reason(path: str, old: Any, after: Mapping[str, Any], label: str) -> str:
    if path.startswith("study.folds"):
        return "the corpus has folds of its own"
    if path == "study.seeds":
        return f"a first try on files of one's own should be short (--config.study.seeds={_show(old)} trains all)"
    if path.endswith((".batch", ".epochs", ".patience")):
        return "the corpus is small, and an epoch should have several updates"
    if path == "model.rate":
        return f"the recordings are read at {after['model']['rate']:g} Hz"
    if path == "task" or path.endswith((".classes", ".activation", ".kind", ".metric", ".prediction")):
        return label
    if path == "data.target":
        return "it is the label of the corpus"
    return _list_modalities(after)


def _list_modalities(document: Mapping[str, Any]) -> str:
    names = list(document["data"]["modalities"])
    read = f"{', '.join(names[:-1])} and {names[-1]} are" if len(names) > 1 else f"{_show(names)} is"
    return f"{read} what is read of the corpus"


def _show(value: Any) -> str:
    if isinstance(value, list | tuple):
        return join_words(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
