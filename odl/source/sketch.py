"""Any sketch that prints CSV, as a source of samples."""
