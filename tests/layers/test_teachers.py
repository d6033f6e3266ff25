import pytest

from affect_jax.errors import UserError
from affect_jax.layers.teachers import teachers_of


@pytest.mark.parametrize(
    ("stronger", "part", "output"),
    [("b", "decoder", "translation"), (["b"], "decoder", "translation"), (("b", "c"), "decoder_b", "translation/b")],
)
def test_only_several_are_named_by_modality(stronger, part, output):
    teachers = teachers_of("sew", "a", stronger)
    assert teachers.part("decoder", "b") == part
    assert teachers.output("translation", "b") == output


def test_none():
    assert teachers_of("sew", "a", None).names == teachers_of("sew", "a", ()).names == ()


@pytest.mark.parametrize(
    ("stronger", "message"),
    [
        ("a", r"has 'a' as its weaker modality and among the stronger ones \['a'\]; name each modality once"),
        (("b", "a"), r"has 'a' as its weaker modality and among the stronger ones \['b', 'a'\]"),
        (("b", "c", "b"), r"has the stronger modality 'b' twice in \['b', 'c', 'b'\]; name it once"),
    ],
)
def test_a_modality_teaches_once_and_not_itself(stronger, message):
    with pytest.raises(UserError, match=message):
        teachers_of("sew", "a", stronger)
