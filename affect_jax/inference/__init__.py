"""What a trained model says: exports, recordings, files of features."""
