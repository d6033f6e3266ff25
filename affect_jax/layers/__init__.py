"""Flax modules that more than one model uses."""
