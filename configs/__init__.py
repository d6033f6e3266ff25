"""Experiments: one file each, chosen by `--config=configs/<file>.py:<argument>`."""
