"""The tests: a twin for each module, and what only real processes can show."""
