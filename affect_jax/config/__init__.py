"""A config is read once: a ConfigDict becomes frozen values, made to fit the user's corpus."""
