"""What every program needs around its work: start-up, signals, progress, files, the run folder, several hosts."""
