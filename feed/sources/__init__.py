"""The sources, which make events by themselves: a simulator, a recording, the world."""
