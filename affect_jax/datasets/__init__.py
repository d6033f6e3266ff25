"""One package a corpus: the TFDS builder, its readers and a synthetic corpus in the same layout."""
