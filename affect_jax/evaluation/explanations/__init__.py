"""Explains clips of raw speech: which are explained, how, and what the three methods say of them."""
