"""From recordings to device arrays: streams, examples, folds, normalisation."""
