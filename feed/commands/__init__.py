"""The commands of `python -m feed`: clients of a board that runs elsewhere."""
