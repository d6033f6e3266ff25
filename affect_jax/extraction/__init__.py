"""Clips, recordings, pictures and transcripts -> features, in training as in prediction."""
