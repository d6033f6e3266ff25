"""Questions asked of finished runs: comparisons, rankings, missing modalities, explanations."""
