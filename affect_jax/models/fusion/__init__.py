"""Fusion methods that the thesis surveys or compares with, a paper a file; docs/zoo.md has what is proven of each."""
