"""Programs that `make` runs beside the tests: pictures, audits, measurements."""
