"""The built-in tools, under their public names."""
