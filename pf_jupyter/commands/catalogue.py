"""All nouns, in the order in which help lists them."""

from __future__ import annotations

from collections.abc import Mapping

from .nouns.compute import COMPUTE
from .nouns.connection import CONNECTION
from .nouns.demo import DEMO
from .nouns.doctor import DOCTOR
from .nouns.env import ENV
from .nouns.eval import EVAL
from .nouns.flow import FLOW
from .nouns.role import ROLE
from .nouns.run import RUN
from .nouns.runtime import RUNTIME
from .tree import Noun

_ALL = (DEMO, DOCTOR, ENV, RUNTIME, FLOW, RUN, EVAL, CONNECTION, COMPUTE, ROLE)

NOUNS: Mapping[str, Noun] = {noun.name: noun for noun in _ALL}
MAGICS: Mapping[str, Noun] = {noun.magic: noun for noun in NOUNS.values()}
