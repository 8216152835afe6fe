from __future__ import annotations

import math

import pytest

from crawler.errors import ConfigurationError, CrawlerError
from crawler.models import Request
from crawler.policy.order import Order, Ranking


def request(number: int, *, depth: int = 0, priority: int = 0) -> Request:
    return Request(f"http://a.example/{number}", depth=depth, priority=priority)


@pytest.mark.parametrize(
    ("order", "earlier", "later"),
    [
        ("breadth", request(1, depth=1), request(2, depth=2)),
        ("breadth", request(1, depth=9, priority=1), request(2, depth=0)),
        ("breadth", request(1, depth=0), request(2, depth=0, priority=-1)),
        ("depth", request(1, depth=9, priority=1), request(2, depth=0)),
        (lambda each: -len(each.url), request(1), request(100)),
        (lambda each: math.inf if each.depth else 0, request(1, depth=1), request(2)),
    ],
)
def test_what_is_wanted_first_has_the_smaller_rank(order: Order, earlier: Request, later: Request) -> None:
    ranking = Ranking(order)
    assert ranking.rank_of(earlier) < ranking.rank_of(later)


@pytest.mark.parametrize(("order", "is_newest_first"), [("breadth", False), ("depth", True), (lambda _: 0.0, False)])
def test_of_equal_ranks_the_newest_is_first_in_depth_alone(order: Order, is_newest_first: bool) -> None:
    assert Ranking(order).is_newest_first is is_newest_first


def test_depth_makes_no_difference_in_depth_first_order() -> None:
    assert Ranking("depth").rank_of(request(1, depth=3)) == Ranking("depth").rank_of(request(2))


@pytest.mark.parametrize("order", ["best", 3, None])
def test_another_order_is_refused_and_named(order: object) -> None:
    with pytest.raises(ConfigurationError, match=r"order=.*'breadth', 'depth', or a function"):
        Ranking(order)  # type: ignore[arg-type]  # that is what is tested


@pytest.mark.parametrize("answer", ["much", None, math.nan])
def test_a_score_that_is_no_number_says_for_which_url(answer: object) -> None:
    ranking = Ranking(lambda _: answer)  # type: ignore[arg-type, return-value]  # that is what is tested
    with pytest.raises(CrawlerError, match=r"http://a\.example/1"):
        ranking.rank_of(request(1))
