"""The leak audit: is the score of a table too good to be true, and why? `audit.run` starts it."""
