"""Where events come from by themselves: a simulated world, or a recording."""
