"""What a run is made of cannot change under it, and files of other runs are not taken for its own."""

import json

import pytest

from affect_jax.errors import UserError
from affect_jax.runtime import files, run_folder, run_identity

CONFIG = {"corpus": {"name": "manifest", "manifest": "a/own.csv", "sound": "mfcc"}, "engine": {"devices": None}, "x": 1}
FOLDS = [["fold_0", ["a", "b"], ["c"], ["d"]]]


@pytest.fixture
def folder(tmp_path):
    run_folder.open_run_folder(tmp_path, CONFIG, "configs/x.py")
    return tmp_path


def test_the_same_run_has_one_identity_and_two_runs_differ(folder, tmp_path):
    first = run_identity.claim_run_folder(folder, "corpus", FOLDS)
    assert run_identity.claim_run_folder(folder, "corpus", FOLDS) == first == run_identity.read_identity(folder)
    run_folder.open_run_folder(tmp_path / "other", CONFIG, "configs/x.py")
    second = run_identity.claim_run_folder(tmp_path / "other", "corpus", FOLDS)
    assert second.run != first.run
    assert second[1:] == first[1:]


@pytest.mark.parametrize(
    ("corpus", "folds", "message"),
    [
        ("changed", FOLDS, r"another corpus \(corpus then, changed now\); restore its files, or train on"),
        ("corpus", [["fold_0", ["a"], ["b", "c"], ["d"]]], "another division into folds"),
    ],
)
def test_a_changed_corpus_is_refused(folder, corpus, folds, message):
    run_identity.claim_run_folder(folder, "corpus", FOLDS)
    before = (folder / "config.json").read_bytes()
    with pytest.raises(UserError, match=message):
        run_identity.claim_run_folder(folder, corpus, folds)
    assert (folder / "config.json").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "is_refused"),
    [
        ({"x": 2}, True),
        ({"corpus": CONFIG["corpus"] | {"sound": "egemaps"}}, True),
        ({"engine": {"devices": 1}}, False),  # how to run, not what
        ({"corpus": CONFIG["corpus"] | {"manifest": "moved/own.csv"}}, False),  # its content is hashed for itself
    ],
)
def test_an_edited_config_is_refused(folder, change, is_refused):
    identity = run_identity.claim_run_folder(folder, "corpus", FOLDS)
    document = files.read_json(folder / "config.json")
    files.write_json(folder / "config.json", document | {"config": CONFIG | change})
    if is_refused:
        with pytest.raises(UserError, match=r"config\.json was edited after its run had begun"):
            run_identity.read_identity(folder)
    else:
        assert run_identity.read_identity(folder) == identity


@pytest.mark.parametrize("value", [None, [], {"run": "a"}, {"run": "a", "config": "b", "corpus": "c", "steps": "d"}])
def test_a_damaged_identity_is_a_sentence(folder, value):
    files.write_json(folder / "config.json", {"config": CONFIG, "identity": value})
    with pytest.raises(UserError, match="damaged 'identity'"):
        run_identity.read_identity(folder)


def test_folders_of_older_versions(folder):
    assert run_identity.read_identity(folder) is None
    (folder / "checkpoints").mkdir()
    with pytest.raises(UserError, match="did not note its corpus"):
        run_identity.claim_run_folder(folder, "corpus", FOLDS)


def test_a_file_of_another_run_is_refused():
    mine = run_identity.RunIdentity("a", "b", "c", "d")
    run_identity.check_origin(mine, json.loads(json.dumps(mine._asdict())), "x")
    run_identity.check_origin(None, None, "x")
    for stated, message in (
        (None, "x does not say which run made it"),
        (mine._replace(run="z")._asdict(), "x is of another run"),
        (mine._replace(corpus="z")._asdict(), "x was made with another corpus"),
        ({}, "x is of another run"),
    ):
        with pytest.raises(UserError, match=message):
            run_identity.check_origin(mine, stated, "x")
    with pytest.raises(UserError, match="x is of another run"):
        run_identity.check_origin(None, mine._asdict(), "x")
