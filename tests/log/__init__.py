"""Tests of events, the log, its views and the history."""
