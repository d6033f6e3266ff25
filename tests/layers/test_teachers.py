import pytest

from affect_jax.errors import UserError
from affect_jax.layers.teachers import check_teachers


@pytest.mark.parametrize(("stronger", "names"), [((), ()), (["b"], ("b",)), (("b", "c"), ("b", "c"))])
def test_names_come_back_as_a_tuple(stronger, names):
    assert check_teachers("sew", "a", stronger) == names


@pytest.mark.parametrize(
    ("stronger", "message"),
    [
        (("a",), r"has 'a' as its weaker modality and among the stronger ones a; name each modality once"),
        (("b", "a"), r"has 'a' as its weaker modality and among the stronger ones b, a"),
        (("b", "c", "b"), r"has the stronger modality 'b' twice in b, c, b; name it once"),
        (("weaker",), "'latent/weaker' is an output of the student"),
        ("b", r"has stronger 'b', but it takes a tuple of names.*write \('b',\)"),
        (None, r"has stronger None, but it takes a tuple of names.*write \(\)"),
        ("", r"has stronger '', but it takes a tuple of names.*write \(\)"),
    ],
)
def test_names_that_do_not_fit(stronger, message):
    with pytest.raises(UserError, match=message):
        check_teachers("sew", "a", stronger)
