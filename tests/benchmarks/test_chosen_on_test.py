"""The diagnosis trains on the same videos both ways, and only one of them sees the test videos."""

import pytest

from affect_jax.config.load import load_config
from affect_jax.config.models import make_model
from affect_jax.data.folds import build_folds
from affect_jax.data.splits import choose_standardized
from affect_jax.experiment.open_run import load_corpus
from affect_jax.training import loop
from benchmarks import chosen_on_test


@pytest.mark.parametrize("study", ["audio/mu_sa", "audio/catlstm"])
def test_only_what_chooses_the_epoch_differs(study, tmp_path):
    config = chosen_on_test.make_config(study, None, seeds=1)
    config.corpus.data_dir = str(tmp_path)
    config.corpus.synthetic.update(train_videos=12, test_videos=3)
    experiment = load_config(config)
    before = load_corpus(experiment)
    after = chosen_on_test.select_on_test(before, experiment.data)
    test = {r.id for r in before.recordings.splits["test"]}
    plain, seen = after.members[: len(before.members)], after.members[len(before.members) :]
    assert list(plain) == list(before.members)
    for fold, other in zip(plain, seen, strict=True):
        assert other.train == fold.train
        assert {name.removesuffix(chosen_on_test.SEEN) for name in other.validation} == test
        assert not test & {*fold.train, *fold.validation}
    (spec,) = experiment.studies
    model = make_model(spec.model)
    assert model.modalities == ("audio",)
    folds = build_folds(
        after.development.corpus, after.development.index, after.members, choose_standardized(experiment.data)
    )
    loop.check_stages(model, spec.stages, after.development.corpus, folds)
