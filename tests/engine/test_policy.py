"""What a policy and an instrument forbid: the other way of executing, too many members, too much volume."""

from tests.engine.desk import EURUSD, GROUP, Desk, accepted, only, refused, volumes


def join(desk: Desk, login: int, **fields: str) -> list[dict]:
    return desk.send("control", "Member", group=GROUP, login=login, weight="1", **fields)


def limited(limit: str, **account: str) -> Desk:
    desk = Desk()
    desk.instrument(volume_limit=limit)
    desk.group()
    desk.account(1, "1000000", **account)
    desk.member(1)
    desk.quote("lp1", "1.1", "1.1001")
    return desk


# --- execution ---


def test_an_stp_group_takes_no_deal_and_alarms() -> None:
    """The server has executed it, so it is not lost: a person must allocate it."""
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    outputs = desk.deal(1, "1")
    (reject,) = only(outputs, "Reject")
    assert (reject["reason"], reject["field_id"]) == ("wrong_execution", 4)
    (alert,) = only(outputs, "RiskAlert")
    assert (alert["to"], alert["kind"], alert["reason"]) == ("broker", "unallocated", "wrong_execution")
    assert desk.engine.counts()["blocks_opened"] == 0
    (leg,) = only(desk.order(1, "1"), "Leg")
    desk.book_all(desk.execution(leg, "1", "1", "1.1"))
    refused(desk.deal(2, "1", side="sell", entry="closing", position=1), "wrong_execution")
    assert desk.engine.counts()["holdings"] == 1
    desk.no_law_broken()


def test_a_post_trade_group_takes_no_order() -> None:
    desk = Desk()
    desk.usual({1: "1"})
    outputs = desk.order(1, "1")
    assert [(output["msg"], output.get("reason")) for output in outputs] == [("Reject", "wrong_execution")]
    desk.book_all(desk.deal(1, "1"))
    refused(desk.order(2, "1", side="sell", entry="closing", position=1), "wrong_execution")
    desk.no_law_broken()


def test_a_refused_deal_may_come_again_when_the_policy_takes_it() -> None:
    desk = Desk()
    desk.usual({1: "1"}, execution="stp")
    refused(desk.deal(1, "1"), "wrong_execution")
    desk.group(version=2)
    assert volumes(desk.deal(1, "1")) == {1: "1"}


# --- max_members ---


def test_no_more_members_than_the_policy_allows() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, max_members=2)
    desk.account(3)
    refused(join(desk, 3), "group_full")
    accepted(join(desk, 2, status="inactive"))  # still one of them
    refused(join(desk, 3), "group_full")
    accepted(join(desk, 1, status="left"))
    accepted(join(desk, 3))
    refused(join(desk, 1), "group_full")  # it may not return
    assert volumes(desk.deal(1, "1")) == {3: "1"}


def test_a_lower_maximum_turns_nobody_out() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1", 3: "1"})
    desk.group(version=2, max_members=1)
    accepted(join(desk, 3))
    assert len(volumes(desk.deal(1, "3"))) == 3
    accepted(join(desk, 3, status="left"))
    refused(join(desk, 3), "group_full")


# --- volume_limit ---


def test_the_limit_counts_what_is_held_and_what_is_on_its_way() -> None:
    desk = limited("1")
    first = desk.deal(1, "0.6")
    second = desk.deal(2, "0.6")  # the first is not answered yet
    (row,) = only(second, "PlanMember")
    assert (row["volume"], row["binding"], row["reason"]) == ("0.4", "instrument_maximum", "volume_limit")
    desk.book_all(first)
    desk.book_all(second)
    assert not volumes(desk.deal(3, "0.1"))
    assert volumes(desk.deal(4, "2", side="sell")) == {1: "1"}  # one direction at a time
    desk.no_law_broken()


def test_a_refused_booking_is_no_longer_counted() -> None:
    desk = limited("1")
    (booking,) = only(desk.deal(1, "0.6"), "Booking")
    desk.book(booking, status="refused")
    assert volumes(desk.deal(2, "1")) == {1: "1"}


def test_a_netting_account_closes_before_it_opens() -> None:
    desk = limited("1", margin_mode="netting")
    desk.book_all(desk.deal(1, "0.6"))
    assert volumes(desk.deal(2, "2", side="sell")) == {1: "1.6"}  # 0.6 long becomes 1 short
    desk.no_law_broken()


# --- the house's reasons ---


def reasons(outputs: list[dict]) -> list[tuple[str, str]]:
    return [(alert["kind"], alert["reason"]) for alert in only(outputs, "RiskAlert")]


def test_the_house_never_gets_volume_without_a_reason() -> None:
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"})
    desk.member(1, max_volume="0.5")
    outputs = desk.deal(1, "2")
    assert reasons(outputs) == [("house", "member_maximum")]
    assert only(outputs, "MasterReport")[0]["reason"] == "member_maximum"
    desk.account(2, "10000", trade_mode="disabled")
    assert reasons(desk.deal(2, "2")) == [("house", "shortfall")]  # two reasons: no one of them
    desk.account(2, "10000")
    desk.member(1)
    assert reasons(desk.deal(3, "0.02500001")) == [("house", "off_step")]
    desk.group(version=2, method="fixed_lots")
    assert reasons(desk.deal(4, "5")) == [("house", "members_sum")]
    desk.group(version=3, rounding="overflow", overflow_login=99)
    assert reasons(desk.deal(5, "0.03")) == [("house", "no_overflow_account")]
    desk.no_law_broken()


def test_a_close_of_more_than_is_held_and_the_houses_own_part() -> None:
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"})
    desk.member(1, max_volume="0.5")
    desk.book_all(desk.deal(1, "2"))
    own = desk.deal(2, "1", side="sell", entry="closing", position=1)
    assert only(own, "MasterReport")[0]["house"] == "0.25" and reasons(own) == []
    desk.book_all(own)
    more = desk.deal(3, "2", side="sell", entry="closing", position=1)
    assert reasons(more) == [("house", "holding")]


def test_an_order_that_shrinks_says_why() -> None:
    desk = Desk()
    desk.usual({1: "1", 2: "1"}, execution="stp")
    desk.member(1, max_volume="0.5")
    (leg,) = only(desk.order(1, "2"), "Leg")
    assert leg["volume"] == "1.5"
    said = desk.book_all(desk.execution(leg, "1.5", "1.5", "1.1"))
    assert only(said, "MasterReport")[-1]["reason"] == "member_maximum"


def test_the_named_instrument_limit_is_the_tighter_one() -> None:
    desk = limited("0.4")
    desk.instrument(EURUSD, volume_limit="0.4", volume_max="0.3")
    (row,) = only(desk.deal(1, "1"), "PlanMember")
    assert (row["volume"], row["reason"]) == ("0.3", "instrument_maximum")


def test_the_way_of_execution_changes_only_between_blocks() -> None:
    """A deal would close what LPs are closing already: the house would be short, the client still hold it."""
    desk = Desk()
    desk.usual({1: "10000", 2: "10000"}, execution="stp")
    (leg,) = only(desk.order(1, "1"), "Leg")
    fields = {
        "group": GROUP,
        "policy_version": 2,
        "currency": "USD",
        "method": "equity",
        "on_partial": "allocate",
        "on_refused": "house",
        "master_login": 1000,
    }
    refused(desk.send("control", "GroupPolicy", execution="post_trade", **fields), "in_use")
    accepted(desk.send("control", "GroupPolicy", execution="stp", **fields))
    desk.book_all(desk.execution(leg, "1", "1", "1.1001"))
    accepted(desk.send("control", "GroupPolicy", execution="post_trade", **(fields | {"policy_version": 3})))
