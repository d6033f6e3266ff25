"""One file a paper's architecture; each exports `Model`, chosen by name in a config. Names are unique over folders."""
