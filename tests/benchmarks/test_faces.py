"""The trial of face detectors: how a box is counted, and YuNet, of which a stand-in with its interface is run."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import faces


class Network:
    """In place of cv2.FaceDetectorYN: a face is where all is red, and there is none in pictures of one colour."""

    size = None

    def setInputSize(self, size):
        self.size = size

    def detect(self, image):
        assert image.flags["C_CONTIGUOUS"]
        assert self.size == (image.shape[1], image.shape[0]), "of OpenCV, width comes first"
        rows, columns = np.nonzero(image[..., 2] > 200)  # blue, green, red
        if not len(rows):
            return 0, None
        box = (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
        points, score = np.zeros(10), 0.95
        return 1, np.array([[*box, *points, score]], np.float32)


def test_yunet_is_asked_as_opencv_has_it(monkeypatch):
    asked = []

    def create(*arguments):
        asked.append(arguments)
        return Network()

    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(FaceDetectorYN=SimpleNamespace(create=create)))
    detect = faces.list_detectors("yunet.onnx")["YuNet"]
    ((file, _, _, threshold, _, _),) = asked
    assert (file, threshold) == ("yunet.onnx", 0.9)
    image = np.zeros((60, 90, 3), np.uint8)
    assert detect(image) == []
    image[20:40, 30:60, 0] = 255
    assert detect(image) == [(30, 20, 60, 40)]


def test_boxes_count_by_their_middle():
    here = faces.Case("a", np.zeros((50, 50, 3), np.uint8), (20.0, 20.0), 10.0)
    nothing = here._replace(centre=None, width=0.0)
    boxes = [(10.0, 10.0, 30.0, 30.0), (24.0, 24.0, 28.0, 28.0)]  # the middle of the second is too far away
    assert faces.count_boxes(lambda image: boxes, [here])[:2] == (1, 1)
    assert faces.count_boxes(lambda image: boxes, [nothing])[:2] == (0, 2)
    assert faces.count_boxes(lambda image: [], [here, nothing])[:2] == (0, 0)


def test_without_opencv_yunet_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SystemExit, match="pip install opencv-python-headless"):
        faces.make_yunet("yunet.onnx")
