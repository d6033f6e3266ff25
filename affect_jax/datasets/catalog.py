"""The corpora that there are, by name."""

import importlib
import pkgutil
from types import ModuleType

from affect_jax import datasets
from affect_jax.errors import UserError, suggest_nearest


def list_corpora() -> list[str]:
    """Names of the packages in `affect_jax.datasets`, sorted; imports none of them."""
    return sorted(module.name for module in pkgutil.iter_modules(datasets.__path__) if module.ispkg)


def import_corpus(name: str, setting: str = "config.corpus.name") -> ModuleType:
    """The package of a corpus, with `Settings`, `DEFAULTS`, `load`, `inspect` and `synthesize`.

    Args:
      name: of the corpus.
      setting: where the name was given, for the message.

    Raises:
      UserError: there is no such corpus.
    """
    names = list_corpora()
    if name not in names:
        raise UserError(f"{setting} is {name!r}{suggest_nearest(name, names)}; choose {', '.join(names)}")
    return importlib.import_module(f"affect_jax.datasets.{name}")
