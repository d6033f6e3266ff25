"""Command-line entry points: flags only, the work is in `affect_jax`."""
