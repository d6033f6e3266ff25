"""Tuples of names on a command line, in both spellings, `voice,face` and `('voice', 'face')`; or all and none."""

import ast
from typing import Any

from absl import flags
from ml_collections.config_flags import config_flags, tuple_parser

flags.disclaim_key_flags()  # a flag that is defined here belongs to the program that asks for it, whose --help shows it


def parse_tuple(text: str) -> tuple:
    """`voice,face`, `(voice, face)`, `['voice', 'face']` or `('voice', 'face')` -> ('voice', 'face'); `` -> ().

    Words without quotes are texts, and numbers are numbers: `1,2` -> (1, 2).
    """
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        inner = text.strip()
        for opening, closing in ("()", "[]"):
            if inner.startswith(opening) and inner.endswith(closing):
                inner = inner[1:-1]
        return tuple(word for word in (_strip_quotes(piece) for piece in inner.split(",")) if word)
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _strip_quotes(piece: str) -> str:
    word = piece.strip()
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


class TupleParser(tuple_parser.TupleParser):
    """Parses settings of a config that are tuples; the inherited parser refuses words without quotes."""

    def parse(self, argument: Any) -> tuple:
        """The tuple that a flag's text stands for."""
        return parse_tuple(argument) if isinstance(argument, str) else super().parse(argument)


def parse_switch(text: str) -> bool | tuple:
    """`true` and `false` as such, anything else as a tuple: what a setting of each modality can be set to."""
    return text.lower() == "true" if text.lower() in ("true", "false") else parse_tuple(text)


class SwitchParser(flags.ArgumentParser):
    """Parses settings of a config that are all, none or some names, `configs.base.all_or_some`."""

    syntactic_help = "true, false, or a tuple of names"

    def parse(self, argument: Any) -> bool | tuple:
        """The value that a flag's text stands for."""
        return parse_switch(argument) if isinstance(argument, str) else argument


def accept_both_spellings() -> None:
    """Makes every `--config.…` flag of a tuple, or of all, none or some names, take both spellings."""
    config_flags.register_flag_parser_for_type(tuple, TupleParser())
    config_flags.register_flag_parser_for_type(object, SwitchParser())


def define_names(name: str, default: tuple[str, ...] | None, text: str, flag_values: flags.FlagValues) -> None:
    """Defines a flag that is a tuple of names, in both spellings."""
    flags.DEFINE(TupleParser(), name, default, text, flag_values=flag_values)
