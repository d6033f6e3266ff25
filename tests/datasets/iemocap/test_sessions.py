import pytest

from affect_jax.datasets.iemocap import sessions
from affect_jax.errors import UserError


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("Ses01F_impro01_F000", "Ses01F"),
        ("Ses01F_impro01_M013", "Ses01M"),  # F wore the markers, M speaks
        ("Ses05M_script01_1b_F003", "Ses05F"),
        ("Ses02M_script03_2_MXX1", "Ses02M"),
    ],
)
def test_the_speaker_is_the_session_and_the_last_letter(name, speaker):
    assert sessions.parse_speaker(name, "x") == speaker
    assert sessions.parse_session(name) == int(speaker[3:5])


@pytest.mark.parametrize("name", ["", "Ses01F", "Ses01F_impro01", "Ses01F_impro01_X000", "Ses1F_impro01_F000", "F000"])
def test_no_name_of_an_utterance(name):
    with pytest.raises(UserError, match="x names an utterance .* expected a name like Ses01F_impro01_M003"):
        sessions.parse_speaker(name, "x")


@pytest.mark.parametrize("count", [3, 4, 5])
def test_each_session_is_tested_and_validated_once(count):
    existing_ids = tuple(range(1, count + 1))
    table = [sessions.assign_splits(mine, existing_ids) for mine in existing_ids]
    for column in zip(*table, strict=True):
        assert (column.count("test"), column.count("dev"), column.count("train")) == (1, 1, count - 2)
    for row in table:
        assert (row.count("test"), row.count("dev")) == (1, 1)
    assert table[1][0] == "dev", "the next session validates"


def test_too_few_sessions():
    with pytest.raises(UserError, match="there are 2 sessions, expected 3 or more"):
        sessions.assign_splits(1, (1, 2))
