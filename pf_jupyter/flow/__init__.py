"""The prompt flow format, pure: read, check, order, lay out."""
