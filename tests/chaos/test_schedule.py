"""The schedule is the seed's alone, and leaves no hazard out."""

from collections import Counter

from tests.chaos.schedule import DISK_HAZARDS, HAZARDS, Kind, schedule

ALL = (*HAZARDS, *DISK_HAZARDS)


def test_a_seed_gives_the_same_faults_every_time_and_another_seed_gives_others() -> None:
    assert schedule(7, 100, ALL) == schedule(7, 100, ALL)
    assert schedule(7, 100, ALL) != schedule(8, 100, ALL)


def test_every_hazard_comes_true_once_before_any_does_twice() -> None:
    once = schedule(3, len(ALL), ALL)
    assert Counter(fault.hazard for fault in once) == dict.fromkeys(ALL, 1)
    assert {fault.hazard.kind for fault in once} == set(Kind)


def test_faults_come_in_order_during_the_load_and_last_as_their_hazard_says() -> None:
    faults = schedule(5, 100, ALL)
    moments = [fault.at for fault in faults]
    assert moments == sorted(moments)
    assert all(0 <= moment < 1 for moment in moments)
    assert all(fault.hazard.shortest <= fault.lasts <= fault.hazard.longest for fault in faults)
