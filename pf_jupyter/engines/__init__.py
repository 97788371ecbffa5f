"""Where runtimes live: one protocol (`api`), implemented for docker and process."""
