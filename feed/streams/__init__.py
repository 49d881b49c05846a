"""Sending events to readers: views, streams, the fan-out, frames and wire formats."""
