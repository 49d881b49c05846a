"""Tests of the streams: their events, their bytes, and what sending them costs."""
