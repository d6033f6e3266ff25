"""One package per corpus. Each has the same modules, so that what is known about one helps with the others:

    settings.py     `Settings`: every key of `config.corpus`, with its type, default and range (imports nothing heavy)
    builder.py      the TFDS builder, which turns raw files into array_record files once
    reader.py       `load` and `inspect`: settings -> `Recordings`, built where they are missing
    synthetic.py    `synthesize`: a small corpus with planted answers, in the release's own layout
    *_release.py    readers of the raw files

Importing a package here costs milliseconds. TensorFlow Datasets takes .6 s to import, librosa and scipy even longer, so
they are imported inside the functions that need them: a config is checked against `Settings` without any of them.
"""
