"""Missing modalities (thesis 4.4): a finished run's models asked again, each modality there or not."""
