"""The sources, which make events by themselves: a simulated world, or a recording."""
