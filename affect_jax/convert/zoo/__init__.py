"""A file for each method whose authors' public weights are read and written; `convert.methods` says what it has."""
