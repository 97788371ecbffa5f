"""Names of kinds of traces."""
