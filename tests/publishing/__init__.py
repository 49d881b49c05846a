"""Tests of publishing: what is accepted, what is refused, the examples."""
