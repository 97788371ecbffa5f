"""Holds the names that public flows import, for environments without promptflow."""
