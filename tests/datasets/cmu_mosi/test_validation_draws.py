import pytest

from affect_jax.datasets import cmu_mosi
from affect_jax.datasets.cmu_mosi import poria_release, validation_draws
from affect_jax.errors import UserError


@pytest.fixture(scope="module")
def lengths(shared_data):
    if not (shared_data / "cmu_mosi").is_dir():
        pytest.skip(f"{shared_data / 'cmu_mosi'} is not there")
    videos = poria_release.read_release(poria_release.find_files(shared_data / "cmu_mosi"), poria_release.RELEASE)
    return {part: {v.id: len(v.binary) for v in found} for part, found in videos.items()}


def test_list_is_what_the_seeded_function_gives(lengths):
    assert (
        validation_draws.make_draws(
            lengths["train"], videos=validation_draws.VIDEOS, utterances=validation_draws.UTTERANCES
        )
        == validation_draws.DRAWS
    )


def test_draws_of_the_release(lengths):
    assert list(validation_draws.DRAWS) == ["draw_0", "draw_1", "draw_2", "draw_3", "draw_4"]
    assert len(set(validation_draws.DRAWS.values())) == 5
    for videos in validation_draws.DRAWS.values():
        assert len(set(videos)) == 10
        assert sum(lengths["train"][video] for video in videos) == 296
        assert not set(videos) & set(lengths["test"])


def test_a_draw_is_random_by_seed_and_independent_of_order():
    lengths = {f"v{i}": i % 7 + 1 for i in range(20)}
    turned = dict(reversed(lengths.items()))
    made = {validation_draws.draw_videos(lengths, videos=4, utterances=14, seed=s) for s in range(5)}
    assert made == {validation_draws.draw_videos(turned, videos=4, utterances=14, seed=s) for s in range(5)}
    assert len(made) > 1
    assert all(sum(lengths[v] for v in chosen) == 14 and len(set(chosen)) == 4 for chosen in made)


def test_synthetic_corpora_get_draws_of_their_own(mosi_raw, tmp_path):
    corpus = cmu_mosi.load({"manual_dir": str(mosi_raw), "data_dir": str(tmp_path)})
    train = {v.id for v in corpus.splits["train"]}
    assert list(corpus.draws) == [f"draw_{i}" for i in range(5)]
    assert all(len(ids) == 1 and set(ids) < train for ids in corpus.draws.values())


def test_given_videos_become_a_draw(mosi_raw, tmp_path):
    settings = {"manual_dir": str(mosi_raw), "data_dir": str(tmp_path)}
    plain = cmu_mosi.load(settings)
    train, test = ([v.id for v in plain.splits[part]] for part in ("train", "test"))
    given = cmu_mosi.load({**settings, "validation": (train[2], train[0])})
    assert given.draws == {**plain.draws, "given": (train[2], train[0])}
    for videos, message in (
        ((train[0], test[1]), f"validation video '{test[1]}' is in the test split"),
        (("nobody",), "validation video 'nobody' is not in the corpus"),
        ((train[0], train[0]), f"names '{train[0]}' twice"),
        (tuple(train), "holds out every training video"),
    ):
        with pytest.raises(UserError, match=message):
            cmu_mosi.load({**settings, "validation": videos})
