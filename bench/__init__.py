"""The benchmark: Liveboard beside its peers, measured the same way in one run."""
