"""The one tree of nouns and verbs, from which magics and command line are made."""
