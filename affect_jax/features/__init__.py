"""Features that are computed here, from files as people have them."""
