"""Where the server's own remarks go; requests' bodies never do."""

from __future__ import annotations

import logging

log = logging.getLogger("pf_jupyter.server")
