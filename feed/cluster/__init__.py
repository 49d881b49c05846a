"""One log for several processes, by Redis. Skip this if you run one process."""
