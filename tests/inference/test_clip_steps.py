"""Clips for models that answer step by step (SEW), or for the steps of a group (SeqSEW)."""

import csv

import numpy as np
import pytest

from affect_jax.datasets.input_form import InputForm, ModalityForm
from affect_jax.extraction import sources
from affect_jax.extraction.extracted_files import Extraction
from affect_jax.features import gradients, transcripts, video
from affect_jax.features.segments import WHOLE, Segment
from affect_jax.inference import clip_features, predictor
from affect_jax.inference import clips as clips_of
from affect_jax.inference.output import parse_output
from tests.inference import toys

clips = pytest.importorskip("tests.extraction.clips")
WIDTH = gradients.WIDTH


@pytest.fixture
def path(tmp_path):
    clips.write_clip(tmp_path / "new.mp4", seconds=2, frames=clips.draw, tone=None)
    return tmp_path / "new.mp4"


@pytest.fixture
def answer(path, capsys):
    """Rows of the timeline that a model of a number a step writes, and the model."""

    def call(**form):
        source = sources.load_source("hog")
        made = Extraction("clip", "hog", source.identity, source.kind, 5.0)
        of = ModalityForm(width=WIDTH, is_sound=False, extraction=made, seconds=1.0)
        model = predictor.wrap_deployed(toys.deployed(toys.Steps(), face=(WIDTH, 20)))._replace(
            form=InputForm({"face": of}, **form)
        )
        extractors = clip_features.Extractors(model.form, {"face": source})
        output, wishes = parse_output(str(path.with_suffix(".csv")), what="clips"), clips_of.Wishes(subtitles="srt")
        assert not clips_of.predict_clips(model, extractors, [(path, "")], output, wishes)
        return list(csv.DictReader(path.with_suffix(".csv").read_text().splitlines())), model

    return call


def predict(model, features):
    """What the model says of steps [T, D]."""
    return np.asarray(model.call(features[None], np.ones((1, len(features)), bool)))[0]


def see(path, segment=WHOLE):
    seen = list(video.read_pictures(path, 5.0, segment))
    return np.array([one.time for one in seen]), np.stack([gradients.compute_gradients(one.image) for one in seen])


def read(rows, column):
    return [float(row[column]) for row in rows]


def test_a_model_of_steps_answers_at_the_steps_of_its_labels(answer, path):
    rows, model = answer(layout="steps", first_step=0.2, step_seconds=0.4)
    times, features = see(path)
    np.testing.assert_allclose(read(rows, "start"), [0, 0.4, 0.8, 1.2, 1.6], atol=1e-6)
    np.testing.assert_allclose(read(rows, "end"), [0.4, 0.8, 1.2, 1.6, 2.0], atol=1e-6)
    at = [int(np.argmin(np.abs(times - time))) for time in (0.2, 0.6, 1.0, 1.4, 1.8)]
    np.testing.assert_allclose(read(rows, "prediction"), predict(model, features[at]), atol=1e-4)
    cues = transcripts.read_transcript(path.with_name("new_predictions.srt"))
    assert cues.words[-1].end == pytest.approx(2.0)


def test_the_windows_of_a_clip_are_the_steps_of_a_group(answer, path):
    rows, model = answer(layout="group")
    np.testing.assert_allclose(read(rows, "start"), [0, 0.5, 1.0], atol=1e-6)
    means = [see(path, Segment(start, start + 1.0))[1].mean(axis=0) for start in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(read(rows, "prediction"), predict(model, np.stack(means)), atol=1e-4)
