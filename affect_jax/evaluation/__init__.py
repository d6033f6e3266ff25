"""Questions asked of finished runs: significance, missing modalities, explanations."""
