"""Every method of the zoo equals its authors' code: the small files of numbers, here or in ../shared/parity."""

import pathlib

import pytest

from affect_jax.convert import methods
from tests import conftest
from tests.zoo import proof

HERE = pathlib.Path(__file__).parent / "data"
PLACES = (HERE, conftest.ROOT.parent / "shared" / "parity", conftest.ROOT / "shared" / "parity")
FILES = {path.stem: path for place in reversed(PLACES) for path in sorted(place.glob("*.npz"))}
PROVEN = {stem: path for stem, path in FILES.items() if proof.is_known(proof.read_meta(path)["method"])}


@pytest.mark.parametrize("stem", sorted(PROVEN))
def test_numbers_are_the_authors(stem):
    errors = proof.prove(PROVEN[stem])
    assert errors.parameters == 0
    assert max(errors[:-1]) <= 1, errors


@pytest.mark.parametrize("method", methods.list_methods())
def test_every_converter_is_proven(method):
    if len(FILES) == len(list(HERE.glob("*.npz"))):
        pytest.skip("the files of larger methods are in ../shared/parity, which is not here")
    assert method in {proof.read_meta(path)["method"] for path in PROVEN.values()}
