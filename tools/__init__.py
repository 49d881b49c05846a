"""What `make` runs and is no test: pictures, audits, measurements."""
