"""Methods in which modalities teach one that is deployed alone, a paper a file; docs/zoo.md has what is proven."""
