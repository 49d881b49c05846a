"""What others publish: JSON becomes events, or is refused with its place."""
