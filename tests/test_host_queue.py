from __future__ import annotations

from crawler.frontier.host_queue import BEFORE_ALL, HostQueue
from crawler.models import Request


def request(serial: int, rank: float = 0.0) -> Request:
    return Request(f"http://a.example/{serial}", serial=serial, rank=rank)


def queue_of(*serials: int, is_newest_first: bool = False) -> HostQueue:
    queue = HostQueue(is_newest_first=is_newest_first)
    for serial in serials:
        queue.push(request(serial))
    return queue


def popped(queue: HostQueue) -> list[int]:
    return [queue.pop().serial for _ in range(len(queue))]


def test_requests_come_by_rank_then_by_age() -> None:
    queue = queue_of(3, 1)
    queue.push(request(9, rank=-1.0))
    assert popped(queue) == [9, 1, 3]


def test_of_equal_rank_the_newest_comes_first_where_that_is_wanted() -> None:
    assert popped(queue_of(1, 3, 2, is_newest_first=True)) == [3, 2, 1]


def test_what_is_put_back_comes_before_its_equals() -> None:
    queue = HostQueue()
    first, second, third = (Request(f"http://a.example/{name}") for name in "abc")  # all of serial number 0
    for each in (first, second):
        queue.push(each)
    assert queue.pop() is first
    queue.push(third)
    queue.push_first(first)
    assert [queue.pop() for _ in range(3)] == [first, second, third]


def test_all_is_in_memory_until_the_share_is_used_up() -> None:
    queue = queue_of(1, 2)
    assert queue.admits(request(3), 3)
    assert queue.reach is None
    queue.push(request(3))
    assert not queue.admits(request(4), 3)
    assert queue.reach == (0.0, 3)


def test_a_better_request_goes_into_memory_and_a_worse_one_to_the_disk_alone() -> None:
    queue = queue_of(1, 2)
    assert not queue.admits(request(3), 2)
    assert queue.admits(request(4, rank=-1.0), 2)
    assert not queue.admits(request(5, rank=1.0), 2)


def test_the_worst_are_dropped_where_there_are_twice_as_many_as_the_share() -> None:
    queue = queue_of(*range(1, 5))
    assert queue.drop_worst(2) == []
    queue.push(request(5))
    assert [each.serial for each in queue.drop_worst(2)] == [3, 4, 5]
    assert (queue.reach, popped(queue)) == ((0.0, 2), [1, 2])


def test_what_came_back_from_behind_the_reach_does_not_move_it_there() -> None:
    queue = HostQueue()
    queue.forget()
    for serial in (50, 51, 52):  # they were acquired once; the disk may have others before them
        queue.push(request(serial))
    assert [each.serial for each in queue.drop_worst(1)] == [51, 52]
    assert queue.reach == BEFORE_ALL


def test_a_queue_runs_low_when_half_of_its_share_is_left_and_there_is_more() -> None:
    queue = queue_of(1, 2, 3, 4)
    assert not queue.admits(request(5), 4)
    assert not queue.runs_low(4)
    queue.pop()
    queue.pop()
    assert queue.runs_low(4)
    queue.begin_reading()
    assert not queue.runs_low(4)  # the next part is asked for already


def test_a_queue_with_nothing_on_the_disk_does_not_run_low() -> None:
    assert not HostQueue().runs_low(4)


def test_a_request_found_while_the_next_part_is_read_is_late_and_comes_up_where_the_new_reach_covers_it() -> None:
    queue = queue_of(1)
    assert not queue.admits(request(5), 1)
    queue.begin_reading()
    assert not queue.admits(request(6), 1)
    assert not queue.admits(request(7), 1)
    assert not queue.admits(request(9), 1)
    late = queue.end_reading([request(5), request(7)], (0.0, 8))
    assert [each.serial for each in late] == [6]  # 7 was written in time to be read, and 9 is behind the reach
    assert (queue.reach, queue.is_reading) == ((0.0, 8), False)


def test_all_that_is_late_comes_up_where_the_disk_has_no_more() -> None:
    queue = queue_of(1)
    assert not queue.admits(request(5), 1)
    queue.begin_reading()
    assert not queue.admits(request(6), 1)
    assert [each.serial for each in queue.end_reading([request(5)], None)] == [6]
    assert queue.reach is None


def test_a_reading_is_void_once_the_worst_were_dropped_or_another_one_began() -> None:
    queue = queue_of(1)
    queue.forget()
    queue.begin_reading()
    first = queue.reading
    assert queue.expects(first)
    queue.begin_reading()
    assert not queue.expects(first)
    assert queue.expects(queue.reading)
    for serial in (2, 3):
        queue.push(request(serial))
    queue.drop_worst(1)
    assert not queue.expects(queue.reading)


def test_the_representation_says_whether_there_is_more_on_the_disk() -> None:
    queue = queue_of(1, 2)
    assert repr(queue) == "<HostQueue 2 requests>"
    queue.forget()
    assert repr(queue) == "<HostQueue 2 requests, more on the disk>"
