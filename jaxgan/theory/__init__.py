"""The theory of adversarial games, to be run: laws, exact small games, and dynamics."""
