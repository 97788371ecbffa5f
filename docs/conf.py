"""Sphinx configuration of these pages: MyST Markdown, nothing generated."""

project = "pf_jupyter"
extensions = ["myst_parser"]
html_theme = "furo"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing"]  # links into the repository, tested there
