"""The built-in tools, which need the package promptflow-tools."""
