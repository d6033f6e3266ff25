"""The best set-ups found for each kind of data."""
