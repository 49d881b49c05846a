"""What each reader is sent: views, streams, the fan-out, frames and wire formats."""
