"""Where events come from by themselves: the market, the matches, a recording."""
