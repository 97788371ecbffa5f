"""One module for each noun: its verbs, their arguments and what they do."""
