"""Tests of the sources: the market, the matches, a recording."""
