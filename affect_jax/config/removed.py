"""Settings that configs had under another name, and what to write instead: an old command is told what it has
become."""

import fnmatch

# Paths without `config.`; `*` stands for any name.
_REPLACEMENTS = {
    "engine.rows_at_once": "it is now engine.trials_at_once",
    "engine.wave_gigabytes": "it is now engine.trial_batch_gigabytes",
    "studies.*.cells": "it is now variants",
    "studies.pair": "it is now studies.teachers",
    "studies.weaker": "it is now studies.unimodal_<modality>",
    "studies.stronger": "it is now studies.unimodal_<modality>",
    "model.weaker": "a model of one modality calls it model.modality",
    "studies.*.override": "write the changes of the study directly, as its model and stages",
    "studies.*.drop": "set to None in the study's changes what the study does not have",
    "corpus.synthetic.worlds": "it is now corpus.synthetic.scenarios",
    "stages.*.losses.translation": "it carries the teacher's modality now, as in translation_audio",
    "stages.*.losses.reconstruction": "it carries the teacher's modality now, as in reconstruction_audio",
    "stages.*.losses.alignment": "it carries the teacher's modality now, as in alignment_audio",
    "stages.teacher": "it carries the teacher's modality now, as in stages.teacher_text",
}


def find_replacement(path: str) -> str | None:
    """What a removed setting has become, for the end of a sentence; None for a path that never was one."""
    path = path.removeprefix("config.")
    for pattern, text in _REPLACEMENTS.items():
        # A flag may name something below what has gone: stages.fit.losses.alignment.weight.
        if fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"{pattern}.*"):
            return text
    return None
