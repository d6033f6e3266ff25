import csv

import numpy as np
import pytest

from affect_jax.datasets.ravdess import release
from affect_jax.datasets.ravdess.actors import choose_actors
from affect_jax.datasets.ravdess.release import Clip
from affect_jax.errors import UserError

SIZES = release.Sizes(choose_actors(6), 1, 1)


@pytest.fixture(scope="module")
def real(shared_data):
    folder = shared_data / "ravdess"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


def test_a_name_says_it_all():
    assert release.parse_name("03-01-06-02-01-02-12", "x", ("03",)) == Clip(6, 2, 1, 2, 12)
    assert release.parse_name("03-02-06-02-01-02-12", "x", ("03",)) is None, "a song"
    assert Clip(6, 2, 1, 2, 12).id == "03-01-06-02-01-02-12"


@pytest.mark.parametrize(
    "name",
    [
        "03-01-06-02-01-02",
        "03-01-06-02-01-02-12-1",
        "3-1-6-2-1-2-12",
        "03-01-09-01-01-01-12",
        "03-01-00-01-01-01-12",
        "03-01-01-02-01-01-12",  # neutral is never strong
        "03-01-05-03-01-01-12",
        "03-01-05-01-03-01-12",
        "03-01-05-01-01-00-12",
        "03-01-05-01-01-01-25",
        "03-03-05-01-01-01-12",
        "01-01-05-01-01-01-12",  # a film's sound
        "",
        "hello",
    ],
)
def test_no_name_of_a_clip(name):
    with pytest.raises(UserError, match="the file is not named after a RAVDESS clip; expected 03-01-EMOTION"):
        release.parse_name(name, "the file", ("03",))


def test_clips_of_the_release():
    found = release.list_clips(release.RELEASE)
    assert len(found) == len(set(found)) == 1440
    counts = np.bincount([clip.emotion for clip in found])
    assert counts.tolist() == [0, 96, *[192] * 7]
    assert {sum(clip.actor == actor for clip in found) for actor in range(1, 25)} == {60}


def test_locates_every_clip_in_order(ravdess_copy):
    found = release.find_clips(ravdess_copy, SIZES)
    assert list(found) == release.list_clips(SIZES)
    assert all(path.stem == clip.id for clip, path in found.items())
    # One folder deeper, as the release's archive unpacks beside others.
    inner = ravdess_copy / "Audio_Speech_Actors_01-24"
    inner.mkdir()
    for path in ravdess_copy.glob("Actor_*"):
        path.rename(inner / path.name)
    assert list(release.find_clips(ravdess_copy, SIZES)) == release.list_clips(SIZES)


def test_passes_over_songs_films_and_hidden_files(ravdess_copy):
    for name in ("03-02-05-01-01-01-02.wav", "01-01-05-01-01-01-02.mp4", "._03-01-05-01-01-01-02.wav", ".DS_Store"):
        (ravdess_copy / "Actor_02" / name).write_bytes(b"")
    assert list(release.find_clips(ravdess_copy, SIZES)) == release.list_clips(SIZES)


def test_the_name_counts_not_the_folder(ravdess_copy):
    clip = Clip(5, 2, 1, 1, 2)
    moved = ravdess_copy / "Actor_03" / f"{clip.id}.wav"
    (ravdess_copy / "Actor_02" / moved.name).rename(moved)
    assert release.find_clips(ravdess_copy, SIZES)[clip] == moved


def remove_actor(folder):
    for path in (folder / "Actor_05").iterdir():
        path.unlink()


def remove_clip(folder):
    (folder / "Actor_05" / "03-01-05-01-01-01-05.wav").unlink()


def remove_all(folder):
    for path in folder.glob("Actor_*"):
        path.rename(path.with_name("of_" + path.name))


def copy_clip(folder, name):
    source = folder / "Actor_05" / "03-01-05-01-01-01-05.wav"
    (source.parent / name).write_bytes(source.read_bytes())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove_actor, "has no clips of actor 05, expected 6 actors"),
        (remove_clip, r"has 89 clips, expected 90; 03-01-05-01-01-01-05 is missing \(actor 05 has 14 of 15\)"),
        (remove_all, "holds no folder Actor_01, Actor_02, ...; set config.corpus.manual_dir"),
        (lambda f: copy_clip(f, "03-01-05-01-01-01-05.flac"), "are the same clip; keep one"),
        (lambda f: copy_clip(f, "03-01-05-01-01-02-05.wav"), r"91 clips, expected 90; 03-01-05-01-01-02-05 is one too"),
        (lambda f: copy_clip(f, "angry.wav"), "Actor_05/angry.wav is not named after a RAVDESS clip"),
    ],
)
def test_damaged_folders(ravdess_copy, change, message):
    change(ravdess_copy)
    with pytest.raises(UserError, match=message):
        release.find_clips(ravdess_copy, SIZES)


def test_a_real_folder_must_be_complete(ravdess_copy):
    with pytest.raises(UserError, match="has no clips of actor 04, 06, 07, 09, .* expected 24 actors"):
        release.find_clips(ravdess_copy, release.RELEASE)


def test_action_units_by_name(ravdess_raw):
    path = ravdess_raw / release.ACTION_UNITS_FILE
    found = release.read_action_units(path, release.list_clips(SIZES))
    with path.open(newline="") as file:
        for row in csv.DictReader(file, delimiter=";"):
            clip = release.parse_name(row["name"], "x", ("01",))
            expected = np.array([[float(row[name]) for name in release.ACTION_UNITS]], np.float32)
            np.testing.assert_array_equal(found[clip], expected)
    assert len(release.ACTION_UNITS) == len(set(release.ACTION_UNITS)) == 35


def change_rows(path, change):
    with path.open(newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    change(rows)
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)


def rename(rows, at, name):
    rows[at][rows[0].index("name")] = rows[at][rows[0].index("path")] = name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.pop(3), r"has no row of 03-01-02-02-01-01-01 \(1 clips have none\)"),
        (lambda rows: rows.append(rows[3]), r"row 92 \(01-01-02-02-01-01-01\) is repeated"),
        (lambda rows: rows[3].__setitem__(2, "nan"), r"row 4 \(.*\) has no finite value in column AU04_r"),
        (lambda rows: rows[3].__setitem__(2, "inf"), r"row 4 \(.*\) has no finite value in column AU04_r"),
        (lambda rows: rows[3].__setitem__(2, ""), "row 4 column 3 is '', not a number"),
        (lambda rows: rows[3].pop(), "row 4 has 38 columns, expected 39"),
        (lambda rows: [row.pop(0) for row in rows], "has no column 'AU01_r'; expected 35 columns"),
        (lambda rows: rows[0].__setitem__(36, "clip"), "has no column 'name'"),
        (lambda rows: rename(rows, 3, "Angry_1"), r"row 4 \(Angry_1\) is not named after a RAVDESS clip"),
        (lambda rows: rows[3].__setitem__(37, "01-01-05-01-01-01-05"), "has another clip in its column path"),
    ],
)
def test_damaged_action_units(ravdess_copy, change, message):
    path = ravdess_copy / release.ACTION_UNITS_FILE
    change_rows(path, change)
    with pytest.raises(UserError, match=message):
        release.read_action_units(path, release.list_clips(SIZES))


def test_rows_of_songs_and_names_with_suffix(ravdess_copy):
    path = ravdess_copy / release.ACTION_UNITS_FILE
    before = release.read_action_units(path, release.list_clips(SIZES))

    def change(rows):
        rows.append(list(rows[3]))
        rename(rows, -1, "01-02-05-01-01-01-05")
        rename(rows, 4, f"Actor_01/{rows[4][36]}.csv")

    change_rows(path, change)
    after = release.read_action_units(path, release.list_clips(SIZES))
    assert before.keys() == after.keys()


def test_no_table(tmp_path):
    with pytest.raises(UserError, match="units.csv is missing .* or leave 'action_units' out of config.corpus.mod"):
        release.read_action_units(tmp_path / "units.csv", [])


def test_the_release(real):
    files = release.find_clips(real, release.RELEASE)
    assert list(files) == release.list_clips(release.RELEASE)
    units = release.read_action_units(real / release.ACTION_UNITS_FILE, files)
    assert units.keys() == files.keys()
    assert {value.shape for value in units.values()} == {(1, 35)}
    # Its first row, by hand.
    np.testing.assert_allclose(units[Clip(1, 1, 1, 2, 8)][0, [0, 2, 34]], [0.10100917, 0, 0.13761468], rtol=1e-6)


def test_index_agrees_with_names(real):
    with (real / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            clip = release.parse_name(row["clip"], "x", ("03",))
            assert release.EMOTIONS[clip.emotion - 1] == row["emotion"]
            assert [clip.intensity, clip.actor] == [int(row["intensity"]), int(row["actor"])]
