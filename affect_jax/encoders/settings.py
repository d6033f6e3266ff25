"""Numbers and words of a published `config.json`, read with their types checked."""

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from affect_jax.errors import UserError, suggest_nearest

Value = TypeVar("Value", int, float, bool, str)


@dataclasses.dataclass(frozen=True)
class ConfigFile:
    """What a config.json says.

    Attributes:
      values: its entries.
      path: of the file, for messages.
    """

    values: Mapping[str, Any]
    path: str

    def read(self, key: str, default: Value) -> Value:
        """The entry `key`, of the type of `default`; an absent one, or null, is `default`. Numbers are positive or 0.

        Raises:
          UserError: it is of another type, or a size below 0.
        """
        value = self.values.get(key)
        if value is None:
            return default
        wanted = type(default)
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted or (wanted in (int, float) and not 0 <= value < 1e12):
            raise UserError(f"{self.path} has {key} = {value!r}, but {_spell(wanted)} is expected; copy the file again")
        return value

    def read_size(self, key: str, default: int) -> int:
        """The entry `key`, a whole number of 1 or more.

        Raises:
          UserError: it is none.
        """
        value = self.read(key, default)
        if value < 1:
            raise UserError(f"{self.path} has {key} = {value!r}, but at least 1 is expected; copy the file again")
        return value

    def read_sizes(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """The entry `key`, a list of whole numbers of 1 or more.

        Raises:
          UserError: it is none.
        """
        value = self.values.get(key, default)
        if not isinstance(value, list | tuple) or not all(type(one) is int and one > 0 for one in value):
            raise UserError(f"{self.path} has {key} = {value!r}, but a list of sizes is expected; copy the file again")
        return tuple(value)

    def choose(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        """The entry `key`, one of `choices`.

        Raises:
          UserError: it is another.
        """
        value = self.read(key, default)
        if value not in choices:
            near = suggest_nearest(value, choices)
            raise UserError(f"{self.path} has {key} = {value!r}{near}, which is not known here; known are {choices}")
        return value

    def refuse(self, key: str, *usual: Any) -> None:
        """Checks that an entry which is not built here is absent, false, or one of `usual`.

        Raises:
          UserError: it is set.
        """
        value = self.values.get(key)
        if value and value not in usual:
            raise UserError(f"{self.path} has {key} = {value!r}, which is not built here; use a model without it")

    def read_part(self, key: str) -> "ConfigFile":
        """The object `key` of the file.

        Raises:
          UserError: there is none.
        """
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise UserError(f"{self.path} has {key} = {value!r}, but an object is expected; copy the file again")
        return ConfigFile(value, f"{self.path} ({key})")


def check_heads(config: ConfigFile, width: int, heads: int) -> None:
    """Checks that attention heads can share a width.

    Raises:
      UserError: they cannot.
    """
    if width % heads:
        raise UserError(
            f"{config.path} has hidden_size = {width}, which {heads} attention heads cannot share; copy the file again"
        )


def _spell(kind: type) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}[kind]
