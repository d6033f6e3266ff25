"""Config -> run folder: search, train, predict, score, results.json."""
