"""Types that tools annotate their parameters with."""
