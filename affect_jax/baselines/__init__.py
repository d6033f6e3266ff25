"""Classical models of whole clips, to compare networks with: fixed descriptors of the speech and a simple learner.

`descriptors` and `functionals` turn clips into rows of a table, `learners` and `neighbours` fit them, `fit_folds` fits
the folds of a corpus, and `run_baselines` leaves a run folder as a network's run does.
"""
