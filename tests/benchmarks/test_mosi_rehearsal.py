import numpy as np

from affect_jax.datasets.cmu_mosi.poria_release import RELEASE, Video
from benchmarks import mosi_rehearsal


def make_videos(count=9, length=6):
    """Videos whose words say nothing of their labels, so that whoever knows these has learned them by heart."""
    rng = np.random.default_rng(0)
    words = [f"W{number}" for number in range(40)]
    videos = []
    for number in range(count):
        labels = rng.integers(0, 2, length).astype(np.float32)
        videos.append(
            Video(
                id=f"video_{number}",
                segments=np.arange(1, length + 1, dtype=np.int32),
                words=tuple(" ".join(rng.choice(words, 12)) for _ in range(length)),
                rows=np.arange(length, dtype=np.int32),
                features={m: rng.normal(size=(length, RELEASE.columns[m])) for m in ("text", "audio", "video")},
                binary=labels,
                sentiment=labels,
                class7=labels,
            )
        )
    return videos


def test_every_video_plays_the_test_split_once():
    videos = make_videos()
    played = [mosi_rehearsal.split_videos(videos, fold)[1] for fold in range(mosi_rehearsal.FOLDS)]
    assert sorted(video.id for members in played for video in members) == sorted(video.id for video in videos)


def test_text_knows_the_labels_it_was_learned_from_and_video_of_the_others_is_a_strangers(capsys):
    videos = make_videos()
    utterances = mosi_rehearsal.make_utterances(videos, 0)
    train, test = mosi_rehearsal.split_videos(videos, 0)
    assert [one["id"] for one in utterances] == sorted(one["id"] for one in utterances)
    assert {one["id"].rpartition("_")[0] for one in utterances if one["split"] == "test"} == {v.id for v in test}
    own = {f"{v.id}_{n}": v.features["video"][i] for v in videos for i, n in enumerate(v.segments)}
    same = {one["id"]: np.allclose(one["video"], own[one["id"]], atol=1e-4) for one in utterances}
    assert all(same[one["id"]] for one in utterances if one["split"] == "train")
    assert sum(same[one["id"]] for one in utterances if one["split"] == "test") < sum(len(v.binary) for v in test) / 2
    mosi_rehearsal.print_linear(utterances)
    text = capsys.readouterr().out.splitlines()[0].split()
    seen, unseen = (float(word) for word in text if word.startswith(("0.", "1.")))
    assert seen > 0.95
    assert unseen < 0.8
