"""The tests: of each module alone, and of real processes together."""
