"""The Jupyter server extension: one backend behind every notebook."""
