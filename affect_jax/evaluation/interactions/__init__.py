"""How much of a fusion model's score is interaction of its modalities: what is left without it."""
