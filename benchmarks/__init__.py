"""Ours against the same models in plain PyTorch, on one machine; see docs/benchmarks.md."""
