"""The versions of a runtime that has none: the same words here and from a server."""

import pytest

from pf_jupyter.errors import PfError, UsageError


def test_a_runtime_of_this_machine_has_no_versions(rt):
    check = rt.check_version()
    assert (check.newer, check.latest, check.problem) == (False, None, None)
    assert check.source == "this machine: its Python has no versions"
    assert check.runtime == "demo"
    known = rt.known_version()
    assert known is not None
    assert known.checked_at == check.checked_at
    record = rt.to_dict()
    assert record["update"] is None
    assert record["version_check"]["source"] == check.source
    assert record["previous"] is None


@pytest.mark.parametrize("verb", ["rehearse", "update"])
def test_what_has_no_versions_cannot_be_moved(rt, verb):
    with pytest.raises(UsageError) as caught:
        getattr(rt, verb)()
    assert caught.value.code == "no_images"
    assert rt.last_rehearsal() is None


def test_there_is_nothing_to_go_back_to(rt):
    with pytest.raises(PfError) as caught:
        rt.rollback()
    assert caught.value.code == "no_previous"
