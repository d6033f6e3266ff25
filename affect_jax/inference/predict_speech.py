"""Predicts people's recordings with a model of raw speech, and writes timelines of them.

Reports on standard error and skips files that it cannot use, so that one bad file costs nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from affect_jax.inference import timeline_files, timelines
from affect_jax.inference.output import Output, write_output
from affect_jax.inference.speech_models import SpeechModel
from affect_jax.inference.split_files import describe_map
from affect_jax.runtime.progress import Work


def predict_speech(
    model: SpeechModel,
    recordings: Sequence[str | Path],
    output: Output,
    *,
    window: float | None = None,
    hop: float | None = None,
    plot: bool = False,
    subtitles: str | None = None,
    coverage: str = "0.9",
) -> int:
    """Predicts recordings and writes their timelines.

    Args:
      model: of raw speech.
      recordings: files of sound.
      output: where the timelines go.
      window: seconds; None for as much as the model reads at once.
      hop: seconds; None for a third of a window.
      plot: draw each timeline, beside the output.
      subtitles: 'srt' or 'vtt': write subtitles, beside the output.
      coverage: of sets and intervals.

    Returns:
      How many recordings were skipped.

    Raises:
      UserError: a window or hop that does not fit the model.
    """
    cut = timelines.plan_windows(model.rate, model.deployed.steps, window, hop)
    seconds, hop_seconds = cut.window / model.rate, cut.hop / model.rate
    described, names, written = [], (), set()
    with Work() as work:
        work.say(f"{model.title}: windows of {seconds:g} s every {hop_seconds:g} s, predicting {model.target!r}")
        advance = _tell_windows(work, timelines.count_windows(recordings, cut))
        predict = timelines.compile_model(model.deployed)
        for sentence in _describe_fits(model, coverage):
            work.say(sentence)
        for timeline in timelines.predict_recordings(recordings, predict, cut, advance):
            timeline = timelines.calibrate_timeline(timeline, model.task, model.calibration, coverage)
            described.append(timeline_files.describe_timeline(timeline, model.task, model.labels))
            work.say(timeline_files.format_summary(described[-1]))
            if timeline.error:
                continue
            names = timeline_files.name_classes(model.task, model.labels, timeline.prediction.shape[-1])
            place = (output.folder, Path(timeline.file).stem, written)
            if plot:
                path = timeline_files.choose_path(*place, "_timeline.png")
                timeline_files.plot_timeline(path, timeline, model.task, model.labels, model.target)
                work.say(f"wrote {path}")
            if subtitles:
                work.say(f"wrote {timeline_files.write_subtitles(*place, described[-1], subtitles, model.target)}")
        about = {**model.about, "task": model.task, "target": model.target, "rate": model.rate}
        about |= {"window": round(seconds, 6), "hop": round(hop_seconds, 6)}
        write_output(timeline_files.format_timelines(described, names, about, output.form), output)
        if output.path:
            work.say(f"wrote {output.path}")
        work.say(timeline_files.count_files(described, "recordings"))
    return sum("error" in file for file in described)


def _describe_fits(model: SpeechModel, coverage: str) -> Iterator[str]:
    """What validation did to the model's numbers or probabilities, a line each."""
    if model.affine is not None:
        yield f"note: {describe_map(model.affine)}"
    yield from timelines.describe_fit(model.calibration, coverage)


def _tell_windows(work: Work, total: int) -> Callable[[int], None]:
    """What is told of how many further windows are done, and shows them."""
    done = 0

    def advance(windows: int) -> None:
        nonlocal done
        done += windows
        work.progress("windows", done, max(done, total))

    return advance
