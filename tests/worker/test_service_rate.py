"""How many calls a service takes is found out, and kept to."""

from __future__ import annotations

import pytest

from pf_jupyter.worker.service_rate import (
    ServiceRate,
    retry_after,
    seconds_of,
    told_headers,
)

from .service import Limit, Told, simulate

LEARNT = 10.0
END = 40.0
RETRIES = ["whole", "exact", "none"]


@pytest.mark.parametrize("retry", RETRIES)
@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("kind", ["sliding", "fixed"])
def test_the_limit_of_a_second_is_used_and_never_passed(
    kind: str, headers: bool, retry: str
) -> None:
    for seed in (1, 2, 3):
        seen = simulate(Limit(kind), Told(headers, retry), seed=seed)
        assert 47.5 <= seen.rate(LEARNT, END) <= 50, (seed, seen.rate(LEARNT, END))
        assert seen.refused_after(LEARNT) == 0


@pytest.mark.parametrize("retry", RETRIES)
def test_a_bucket_that_tells_of_itself_is_kept_from_running_dry(retry: str) -> None:
    seen = simulate(Limit("bucket"), Told(True, retry))
    assert 47.5 <= seen.rate(LEARNT, END) <= 50
    assert seen.refused_after(LEARNT) == 0


@pytest.mark.parametrize("retry", RETRIES)
def test_a_silent_bucket_is_found_out_by_its_refusals(retry: str) -> None:
    # what it has saved up hides for a while that the pace is too high
    seen = simulate(Limit("bucket"), Told(False, retry), seconds=60.0)
    assert seen.rate(20, 60) >= 46
    assert seen.refused_after(LEARNT) <= 2


@pytest.mark.parametrize("kind", ["sliding", "fixed", "bucket"])
def test_a_limit_of_a_longer_time_is_spread_over_it(kind: str) -> None:
    seen = simulate(Limit(kind, 500, 10.0), Told(True, "exact"), seconds=60.0)
    assert not seen.refused
    assert 47 <= seen.rate(LEARNT, 60) <= 55


def told_fifty() -> ServiceRate:
    rate = ServiceRate()
    rate.made(0.0)
    rate.answered(
        0.1,
        {
            "x-ratelimit-limit-requests": "50",
            "x-ratelimit-reset-requests": "1s",
        },
    )
    return rate


def test_a_refusal_by_chance_does_not_speak_against_the_limit_that_was_told() -> None:
    rate = told_fifty()
    assert rate.pace == pytest.approx(48.5)
    for number in range(5):
        sent = 10.0 + 3 * number
        # two that were refused together are one chance
        rate.refused(sent, sent + 0.2, {"retry-after": "0.05"})
        rate.wait(sent + 0.2)
        rate.refused(sent + 0.01, sent + 0.21, {"retry-after": "0.05"})
        rate.wait(sent + 0.5)
    assert rate.pace == pytest.approx(47.75)


def test_a_service_that_refuses_again_and_again_has_another_limit_than_it_says() -> (
    None
):
    rate = told_fifty()
    for number in range(7):
        sent = 10.0 + 2 * number
        for call in range(30):
            rate.made(sent - call / 30)
        rate.answered(sent, {})
        rate.refused(sent, sent + 0.2, {"retry-after": "0.05"})
        rate.wait(sent + 0.5)
    assert rate.pace is not None
    assert rate.pace < 45


def test_a_closed_door_is_knocked_at_less_and_less() -> None:
    seen = simulate(Limit("fixed", 10, 30.0), Told(False, "none"), seconds=29.0)
    assert len(seen.taken) <= 20
    first = [moment for moment in seen.refused if moment < 5]
    later = [moment for moment in seen.refused if moment > 15]
    assert len(later) < len(first)


def test_without_a_limit_nobody_waits() -> None:
    rate = ServiceRate()
    for number in range(1000):
        assert rate.wait(number / 1000) == 0
        rate.made(number / 1000)
    rate.answered(2.0, {})
    assert not rate.limited
    assert rate.pace is None


def test_a_refusal_pauses_for_as_long_as_the_service_asks() -> None:
    rate = ServiceRate()
    rate.made(10.0)
    rate.refused(10.0, 10.1, {"retry-after": "7"})
    assert rate.limited
    assert 6.9 < rate.wait(10.1) < 7.2
    assert rate.wait(18.0) == 0
    rate.refused(10.0, 20.0, {"retry-after": "100000"})
    assert rate.wait(20.0) <= 60.1, "no service is waited for as long as that"


def test_no_tokens_left_is_a_pause_too() -> None:
    rate = ServiceRate()
    left = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m2s"}
    rate.answered(5.0, left)
    assert 59 < rate.wait(5.0) <= 60


def test_more_is_tried_after_a_while() -> None:
    rate = ServiceRate()
    now = 0.0
    for _ in range(10):
        rate.made(now)
    rate.refused(now, now, {})
    now += 1.0
    rate.wait(now)
    slow = rate.pace
    assert slow is not None
    while now < 400:
        now += rate.wait(now) + 1e-6
        rate.made(now)
        rate.answered(now, {})
    assert rate.pace is not None
    assert rate.pace > 1.1 * slow


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("0.25", 0.25),
        ("7", 7.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("5 parsecs", None),
        ("inf", None),
    ],
)
def test_durations_are_read_as_services_write_them(
    text: str | None, seconds: float | None
) -> None:
    assert seconds_of(text) == (None if seconds is None else pytest.approx(seconds))


def test_how_long_to_wait_is_read() -> None:
    assert retry_after({"retry-after": "3"}) == 3
    assert retry_after({"retry-after": "3", "retry-after-ms": "250"}) == 0.25
    assert retry_after({"retry-after": "-1"}) == 0
    assert retry_after({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}) is None
    assert retry_after({}) is None


def test_only_headers_that_tell_of_limits_are_passed_on() -> None:
    headers = {"retry-after": "1", "set-cookie": "secret", "x-request-id": "7"}
    assert told_headers(headers) == {"retry-after": "1"}
