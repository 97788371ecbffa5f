"""One script for each step of the schema; never edit one that was released."""
