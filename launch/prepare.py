"""Builds a corpus and prints what it found.

    python -m launch.prepare --corpus=cmu_mosi --manual_dir=DIR
    python -m launch.prepare --corpus=recola --manual_dir=DIR --target=valence --nonfinite=mean
    python -m launch.prepare --corpus=sspnet_conflict --manual_dir=DIR --rate=8000 --partition=parts.csv
    python -m launch.prepare --corpus=iemocap --form=release --modalities=text,audio --manual_dir=DIR --glove=FILE
    python -m launch.prepare --corpus=ravdess --form=video --modalities=audio,video --audio_features=mfcc \
        --video_features=faces+resnet101:FILE --manual_dir=DIR
    python -m launch.prepare --corpus=manifest --manifest=FILE.csv --target=valence
    python -m launch.prepare --manifest=FILE.csv --features=auto    # clips, recordings, transcripts; see docs/clips.md
    python -m launch.prepare --manifest=FILE.csv --features="voice=clip:DIR, words=transcript:DIR@8" --features_out=OUT
    python -m launch.prepare --corpus=arrays --path=aligned_50.pkl
    python -m launch.prepare --corpus=recola --synthetic_out=DIR

Needs: the folder of a release (docs/corpora.md). Without --manual_dir (or --download) it makes a small synthetic corpus
in the layout of the release. It checks the files against each other and against the known sizes of the release.
Writes: the built corpus below --data_dir, where launch.main finds it (and builds what is missing itself).
With --synthetic_out it only writes the raw files of a synthetic corpus, to look at or to try a reader on.
For your own files (--corpus=manifest) it reports all faults at once, one line each, and describes the files before it
builds anything.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import flags

from affect_jax.datasets.catalog import list_corpora
from affect_jax.errors import UserError
from launch import cli, tuples

FLAGS = flags.FLAGS
_TEXT = {
    "manual_dir": "Folder with the release's files, as its owner ships them.",
    "manifest": "manifest: the csv file that lists your files, see docs/own_data.md.",
    "path": "arrays: a file (npz, h5, pickle), or a folder or pattern of such files, see docs/arrays.md.",
    "padding": "arrays: zeros (default; rows of zeros at either end are padding) or none.",
    "data_dir": "Folder for built corpora. Default: ~/.cache/affect_jax/corpora.",
    "target": "recola: arousal (default) or valence; manifest, arrays: a label (default: the first).",
    "form": "recola: avec (AVEC 2016, default) or native; iemocap: precomputed (default) or release; ravdess: audio"
    " (default) or video; cmu_mosi: poria (default) or raw.",
    "nonfinite": "Missing or infinite feature values: refuse (default), zero (default of arrays), or mean (of the"
    " recording's column).",
    "unusable": "manifest: files that cannot be used: refuse (default; all are named) or leave_out.",
    "labels": "cmu_mosi: binary (default), class7 or sentiment; ravdess: emotion (default), emotion7 or intensity;"
    " iemocap: emotion7 (default), emotion6 or emotion4.",
    "partition": "sspnet_conflict: csv with the columns Name, split.",
    "clipped": "sspnet_conflict: note (default) or refuse clipped clips.",
    "glove": "iemocap, release: file of 300-d word vectors.",
    "text_features": "cmu_mosi, raw; iemocap, release: extractor of the words (docs/clips.md).",
    "audio_features": "ravdess; cmu_mosi, raw; iemocap, release: extractor of the sound (docs/clips.md).",
    "video_features": "ravdess, video; cmu_mosi, raw; iemocap, release: extractor of the pictures (docs/clips.md); of"
    " iemocap also a folder with one npy file [T, D] per utterance.",
    "unlabelled": "manifest: rows without a label: refuse (default), or train (docs/own_data.md).",
    "layout": "manifest, arrays: item (default) or group (a group's items are its steps); manifest: steps (labels per"
    " step; default where the label's cells are files).",
    "array": "manifest: which array to read of npz, h5 and mat files that have several.",
    "sound": "manifest: what recordings become: mfcc (default), log_mel, waveform or egemaps.",
}
_NUMBERS = {
    "rate": "Corpora of speech: sampling rate to store it at, in Hz (default 8000).",
    "folds": "manifest, arrays: how many to draw where the files name neither splits nor folds (default 5).",
    "seed": "manifest, arrays: of that draw (default 0).",
    "largest_file": "manifest, arrays: MB that a file may take in memory (default 500; of arrays 16000).",
}
_FRACTIONS = {
    "min_confidence": "manifest: frames of less confidence, or without success, count as missing (OpenFace); 0 to 1.",
    "feature_rate": "manifest: frames a second of files of features without times.",
    "clock_tolerance": "manifest: seconds by which labels and features may begin or end at other times (default 1).",
    "annotation_delay": "manifest: seconds by which labels per step lag behind.",
    "label_rate": "manifest: labels a second of files of labels per step without times.",
}
_SWITCHES = {
    "download": "cmu_mosi: fetch the public files.",
    "raters": "recola: also how much single raters disagree, as the modality `disagreement`.",
    "classes": "manifest, arrays: numbers of the target are names of classes.",
}
_LISTS = {
    "modalities": "Separated by commas. ravdess: speech (default), mfcc, log_mel, action_units, audio, video; iemocap:"
    " text, video, audio, prosody (all); sspnet_conflict, ravdess_debates: speech (default), log_mel, turns (who speaks"
    " when); manifest, arrays: all.",
    "widths": "arrays: columns of each modality in an array of all, as in text:300,audio:5,video:20.",
}
_SETTINGS = (*_TEXT, *_NUMBERS, *_FRACTIONS, *_SWITCHES, *_LISTS)


def define_flags(values: flags.FlagValues) -> None:
    """Defines the flags; called by the program, because other launchers have flags of the same names."""
    flags.DEFINE_string(
        "corpus",
        None,
        f"Which corpus: {', '.join(list_corpora())}. Default: manifest, if --manifest is given.",
        flag_values=values,
    )
    kinds = (
        (flags.DEFINE_string, _TEXT),
        (flags.DEFINE_integer, _NUMBERS),
        (flags.DEFINE_float, _FRACTIONS),
        (flags.DEFINE_bool, _SWITCHES),
        (tuples.define_names, _LISTS),
    )
    for define, settings in kinds:
        for name, text in settings.items():
            define(name, None, text, flag_values=values)
    shard = "manifest: only compute the features of part i of n of the recordings, as in 2/8 (docs/scaling.md)."
    flags.DEFINE_string("shard", None, shard, flag_values=values)
    features = (
        "manifest: MODALITY=COLUMN:EXTRACTOR, ..., or auto: features of clips, recordings and words (docs/clips.md)."
    )
    flags.DEFINE_string("features", None, features, flag_values=values)
    frames = "manifest, --features, and corpora with --video_features: pictures a second of videos (default 3)."
    flags.DEFINE_float("frame_rate", None, frames, flag_values=values)
    out = "Folder for what --features makes, with a manifest of it. Default: beside FILE.csv, FILE_features."
    flags.DEFINE_string("features_out", None, out, flag_values=values)
    flags.DEFINE_string(
        "synthetic_out", None, "Only write a synthetic corpus's raw files to this new folder.", flag_values=values
    )


def main(argv: list[str]) -> None:
    """Does what the flags say."""
    # Imported here so that --help does not wait for numpy.
    from affect_jax.datasets.prepare_corpus import compute_shard, prepare_corpus, write_synthetic

    cli.refuse_arguments(argv)
    corpus = FLAGS.corpus or ("manifest" if FLAGS.manifest else None)
    if corpus is None:
        raise UserError("--corpus is missing; --help has examples (your own csv: --manifest=FILE.csv)")
    settings = {name: FLAGS[name].value for name in _SETTINGS if FLAGS[name].value is not None}
    if FLAGS.synthetic_out is not None:
        print(write_synthetic(corpus, FLAGS.synthetic_out, settings))
        return
    if FLAGS.shard is not None:
        print(compute_shard(corpus, settings, FLAGS.shard))
        return
    if corpus != "manifest" and FLAGS.frame_rate is not None:
        settings["frame_rate"] = FLAGS.frame_rate
    elif any(FLAGS[name].value is not None for name in ("features", "features_out", "frame_rate")):
        settings["manifest"] = _extract_features(corpus, settings)
    for line in prepare_corpus(corpus, settings):
        print(line, flush=True)


def _extract_features(corpus: str, settings: Mapping[str, Any]) -> str:
    """Computes what --features says and returns the path of the manifest of it.

    Raises:
      UserError: there is no manifest; or from the extraction.
    """
    if corpus != "manifest" or "manifest" not in settings or FLAGS.features is None:
        raise UserError("--features and --features_out are for your own csv; give --manifest=FILE.csv and --features")
    from affect_jax.datasets.manifest.extract_columns import RATE, extract_features

    manifest = Path(settings["manifest"]).expanduser()
    out = Path(FLAGS.features_out or f"{manifest.with_suffix('')}_features").expanduser()
    leaves_out, rate = settings.get("unusable") == "leave_out", FLAGS.frame_rate or RATE
    lines = extract_features(manifest, FLAGS.features, out, rate, FLAGS.min_confidence, leaves_out=leaves_out)
    for line in lines:
        print(line, flush=True)
    return str(out / "manifest.csv")


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main, trains=False)  # encoders take all cores
