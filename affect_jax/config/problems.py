"""All that is wrong with a config, collected so that one run of a program tells all of it."""

from affect_jax.errors import UserError


class Problems:
    """Sentences about a config, in the order in which they were found."""

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._count = 0

    def __len__(self) -> int:
        """How often something was noted. Repeated sentences count: whoever reads a value twice, as the stages that
        several studies share, sees both times that it is wrong."""
        return self._count

    def add(self, sentence: str) -> None:
        """Notes one problem; a sentence that is there already is not told twice."""
        self._count += 1
        if sentence not in self._sentences:
            self._sentences.append(sentence)

    def raise_any(self) -> None:
        """Does nothing where there is no problem.

        Raises:
          UserError: the sentence of the only problem, or the number of problems and a line for each.
        """
        if len(self._sentences) == 1:
            raise UserError(self._sentences[0])
        if self._sentences:
            lines = "\n".join(f"  {sentence}" for sentence in self._sentences)
            raise UserError(f"the config has {len(self._sentences)} problems:\n{lines}")
