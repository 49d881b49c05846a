"""Several processes that share one log over Redis, and what their faults cost."""
