"""Live sources: real prices and real scores, each read by a pure reader."""
