"""Tests of several processes that share one log over Redis, and of their faults."""
