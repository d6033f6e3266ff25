"""Which actors to test together: the five folds of the literature, and a validation set for each.

The folds are those of Luna-Jimenez et al., "Multimodal Emotion Recognition on RAVDESS Dataset Using Transfer Learning",
Sensors 21(22), 2021: each actor is tested once, and sexes and emotions are about balanced. They name no validation set.
"""

from collections.abc import Sequence

from affect_jax.errors import UserError

FOLDS: dict[str, tuple[int, ...]] = {
    "fold_1": (2, 5, 14, 15, 16),
    "fold_2": (3, 6, 7, 13, 18),
    "fold_3": (10, 11, 12, 19, 20),
    "fold_4": (8, 17, 21, 23, 24),
    "fold_5": (1, 4, 9, 22),
}


def is_man(actor: int) -> bool:
    """Odd numbers are men, even ones women."""
    return actor % 2 == 1


def make_folds(actors: Sequence[int]) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Makes fold -> (actors of validation, actors of test) from the actors of a corpus.

    The fold itself tests. Two actors of the next fold (after the last comes the first) validate: the man and the woman
    of the lowest number, or the two lowest if it has one sex only. All others train. In the whole release fold_1
    validates on 3, 6; fold_2 on 10, 11; fold_3 on 8, 17; fold_4 on 1, 4; fold_5 on 2, 5. Folds without any of the
    actors are left out.

    Raises:
      UserError: the actors are of fewer than three folds, so that nobody would be left to train on.
    """
    present = {name: tuple(a for a in fold if a in actors) for name, fold in FOLDS.items()}
    present = {name: fold for name, fold in present.items() if fold}
    if len(present) < 3:
        raise UserError(
            f"actors {', '.join(map(str, sorted(actors)))} belong to {len(present)} of the five published folds,"
            " expected 3 or more, to train, to validate and to test on: take more actors"
        )
    names = list(present)
    following = dict(zip(names, names[1:] + names[:1], strict=True))
    return {name: (_choose_validation_pair(present[following[name]]), present[name]) for name in names}


def _choose_validation_pair(actors: tuple[int, ...]) -> tuple[int, ...]:
    men, women = ([a for a in sorted(actors) if is_man(a) is sex] for sex in (True, False))
    return tuple(sorted([men[0], women[0]] if men and women else (men or women)[:2]))


def choose_actors(count: int) -> tuple[int, ...]:
    """Chooses `count` actors of the release, sorted; takes them from the folds in turn to keep folds about equal."""
    turns = [fold[place] for place in range(5) for fold in FOLDS.values() if place < len(fold)]
    return tuple(sorted(turns[:count]))
