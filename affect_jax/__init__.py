"""Learning affect from audio, vision and language: models, corpora and studies in JAX and Flax."""
