"""The whole backend as one interface: `api` says what, `local` does it."""
