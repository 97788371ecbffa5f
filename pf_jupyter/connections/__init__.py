"""What flows need to reach other services: kept encrypted, sent with the run that asks.

Rules: flow-format section 5. Nothing here shows a secret: not in a repr, not in an
error, not in a log.
"""
