"""Faces of a portrait: found, followed, cut out upright; landmarks by a small predictor, and geometric features."""

import matplotlib
import numpy as np
import pytest
from PIL import Image

from affect_jax.errors import UserError
from affect_jax.features import faces
from affect_jax.features.video import Picture

dlib = pytest.importorskip("dlib")


@pytest.fixture(scope="module")
def portrait():
    """A portrait of 154 by 180 pixels."""
    image = Image.open(f"{matplotlib.get_data_path()}/sample_data/grace_hopper.jpg").convert("RGB")
    return image.resize((154, 180))


@pytest.fixture(scope="module")
def landmarks(portrait, tmp_path_factory):
    """A predictor of 68 points that lie as those of the fixed face, trained on the portrait alone."""
    (face,) = faces.find_faces(np.asarray(portrait))
    box = dlib.rectangle(*(round(edge) for edge in face.box))
    points = np.zeros((68, 2))
    inner = [at for at in range(17, 68) if at not in (60, 64)]
    points[inner] = faces._FACE
    places = points * 22 + [box.center().x, box.center().y - 12]
    parts = [dlib.point(round(x), round(y)) for x, y in places]
    options = dlib.shape_predictor_training_options()
    options.cascade_depth, options.num_trees_per_cascade_level, options.tree_depth = 2, 2, 2
    options.oversampling_amount, options.feature_pool_size, options.num_test_splits = 2, 20, 2
    image = np.asarray(portrait)
    model = dlib.train_shape_predictor([image] * 2, [[dlib.full_object_detection(box, parts)]] * 2, options)
    path = tmp_path_factory.mktemp("faces") / "points.dat"
    model.save(str(path))
    return path, places[inner]


def paste(portrait, *places):
    """A wide picture with portraits (x, y, width)."""
    picture = Image.new("RGB", (500, 220), (80, 90, 100))
    for x, y, width in places:
        picture.paste(portrait.resize((width, round(width * 180 / 154))), (x, y))
    return np.asarray(picture)


def test_the_face_of_a_clip_is_followed(portrait):
    shown = [
        paste(portrait, (20, 10, 154)),
        paste(portrait, (30, 10, 154), (300, 0, 180)),  # a larger one comes
        paste(portrait),
        paste(portrait, (300, 0, 180)),
    ]
    seen = list(faces.follow_face(Picture(float(t), image) for t, image in enumerate(shown)))
    assert [one.time for one in seen] == [0, 1, 3]
    assert [one.face.box[0] > 250 for one in seen] == [False, False, True]


def test_a_face_is_cut_out_and_by_landmarks_upright(portrait):
    image = np.asarray(portrait)
    (face,) = faces.find_faces(image)
    cut = faces.cut_face(faces.SeenFace(0.0, image, face))
    assert cut.shape == (224, 224, 3)
    again = faces.find_faces(cut)
    assert len(again) == 1
    centre = np.array(again[0].box).reshape(2, 2).mean(0)
    np.testing.assert_allclose(centre, 112, atol=12)
    # Landmarks of a face whose eyes are on a slope: in what is cut out they are level, and where they belong.
    eyes = np.zeros((49, 2))
    eyes[19:25], eyes[25:31] = (60, 60), (90, 80)
    marked = np.zeros((180, 154, 3), np.uint8)
    marked[58:63, 58:63, 0], marked[78:83, 88:93, 1] = 255, 255
    cut = faces.cut_face(faces.SeenFace(0.0, marked, face), eyes)
    places = [np.argwhere(cut[..., channel] > 100).mean(0) for channel in (0, 1)]
    np.testing.assert_allclose(places, [(81, 72), (81, 152)], atol=3)


def test_landmarks_are_those_of_the_file(portrait, landmarks):
    path, places = landmarks
    image = np.asarray(portrait)
    (face,) = faces.find_faces(image)
    points = faces.find_landmarks(faces.read_landmark_model(path), faces.SeenFace(0.0, image, face))
    np.testing.assert_allclose(points, places, atol=2)


def test_geometry_does_not_change_when_a_face_is_moved_turned_or_larger():
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    smile = faces._FACE.copy()
    smile[31] += (-0.1, -0.05)
    points = np.stack([faces._FACE, smile, 40 * smile @ turn.T + 7])
    values = faces.compute_geometry(points)
    assert values.shape == (3, faces.GEOMETRY_WIDTH)
    np.testing.assert_allclose(values[0, :196], 0, atol=1e-6)
    np.testing.assert_allclose(values[1, 62:64], (-0.1, -0.05), atol=1e-6)
    np.testing.assert_allclose(values[1, 98 + 62 : 98 + 64], (-0.1, -0.05), atol=1e-6)
    np.testing.assert_allclose(np.delete(values[2], slice(98, 196)), np.delete(values[1], slice(98, 196)), atol=1e-5)
    np.testing.assert_allclose(values[2, 98:196], 0, atol=1e-5)


def test_files_that_are_no_landmarks_are_told(tmp_path):
    (tmp_path / "no.dat").write_bytes(b"nothing")
    with pytest.raises(UserError, match="no shape predictor"):
        faces.read_landmark_model(tmp_path / "no.dat")


def test_without_dlib_the_command_is_told(monkeypatch):
    monkeypatch.setattr(faces.importlib.util, "find_spec", lambda name: None)
    faces._get_detector.cache_clear()
    with pytest.raises(UserError, match=r"pip install 'affect-jax\[faces\]'"):
        faces.find_faces(np.zeros((32, 32, 3), np.uint8))
