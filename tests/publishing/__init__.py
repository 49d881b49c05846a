"""What others publish: what is accepted, what is refused, the examples."""
