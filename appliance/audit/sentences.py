"""What the log's codes mean, as sentences for people who read an explanation."""

from enum import IntEnum

from appliance.schema.messages import SENTENCES, AlertKind, Reason

REASON = {
    "none": "",
    "not_executed": "less was executed than planned",
    "zero_share": "its exact share is less than one volume step",
    "below_minimum": "its share is under the smallest volume that it may trade",
    "above_maximum": "over a maximum volume",
    "inactive": "its membership was not active",
    "permission": "the account or the instrument may not be traded this way",
    "state_missing": "the server had not told the account's figures yet",
    "state_stale": "the server's figures of the account were too old",
    "out_of_sync": "our figures of the account and the server's differed",
    "drawdown_stop": "its drawdown limit had stopped it",
    "member_maximum": "limited to the member's maximum volume",
    "instrument_maximum": "limited to the instrument's maximum volume",
    "margin_buffer": "limited so that its margin level stays over the member's buffer",
    "leverage": "limited to the member's maximum leverage",
    "holding": "limited to what it held of the position",
    "zero_measure": "the figure that the policy divides by was zero or negative",
    "zero_weights": "the weights add up to zero",
    "no_rate": "no quote converted the account's currency into the group's",
    "no_quote": "there was no usable quote",
    "stale_quote": "the quote was too old",
    "no_members": "nobody could take part",
    "no_stop_loss": "the policy divides by risk, and the order had no stop-loss",
    "percent_sum": "the percents of the members did not make exactly 100",
    "shortfall": "a constraint bound, and the policy then rejects the whole order",
    "no_liquidity": "no liquidity provider quoted enough within the deviation",
    "lp_rejected": "the liquidity provider rejected the leg",
    "lp_silent": "the liquidity provider did not answer in time",
    "refused": "the broker's server refused the booking",
    "price_mismatch": "it was booked at another price than asked",
    "cancelled": "the master took the order back",
    "killed": "the kill switch was set",
    "halted": "trading was halted on a broken law",
    "duplicate": "it had been seen before; nothing was done again",
    "unknown_group": "there was no such group",
    "unknown_instrument": "there was no such instrument",
    "unknown_position": "the master held no such position",
    "step_coarser": "the server group's volume step does not divide the instrument's",
    "unknown_rule": "its sender has told no such leverage rule",
    "off_step": "the volume is not a multiple of the step",
    "table_full": "a limit of the configuration was reached",
    "busy": "the group already worked an order on this instrument",
    "wrong_source": "this bridge may not send this message",
    "malformed": "the bytes were no message of the schema",
    "out_of_range": "a field was outside its range",
    "overflow": "the figures did not fit 64 bits",
    "not_supported": "this build does not do that",
    "version_order": "the policy's version did not rise by one",
    "in_use": "positions or blocks were open",
    "price_collar": "the price was outside the collar",
    "rate_limit": "too many orders in the second",
    "daily_loss": "the day's loss limit was reached",
    "sequence_gap": "a sequence number was skipped",
    "unknown_account": "there was no such account",
    "unknown_member": "the account was not of the group",
    "unknown_block": "there was no such block, leg or child",
    "negative_weight": "a weight was below zero",
    "crossed_quote": "its bid was above its ask",
    "overfilled": "more was filled than ordered; the rest is the house's",
    "wrong_state": "that was not possible in the block's state",
    "log_behind": "the log on disk was too far behind; new orders had to wait for it",
    "log_disk_full": "the disk of the log was full; new orders had to wait for room",
    "busted": "the liquidity provider took a fill back",
    "corrected": "the liquidity provider corrected a fill",
    "late_fill": "it was filled when the block was no longer executed; the house took it",
    "reallocated": "the booking of another member was refused, and its volume offered to this one",
    "rolled_back": "filled in part and traded out again, as the policy says; no account was touched",
    "unwound": "what the server refused was traded out again",
    "fifo": "the account had to close its oldest position first; the house carries this one",
    "fenced": "an outcome of that counterparty was unknown; it got nothing new until it was known",
    "time_limit": "the order's time was over",
    "left": "the member leaves, and its positions are closed",
    "flattened": "the kill switch closed what was open",
    "wrong_execution": "the group's policy executes otherwise",
    "group_full": "the group had as many members as its policy allows",
    "no_overflow_account": "the policy's rounding needs an overflow account, and none was named",
    "duplicate_login": "a login was given twice",
    "volume_limit": "limited to the instrument's volume in one direction",
    "further_ticket": "the same account goes on with its next ticket",
    "further_price": "the same child goes on with the next price of the block's fills",
    "too_many_prices": "there were more prices than are kept apart; all got the average",
    "not_closed": "the server refused a close: the client still holds it, and the house is short by as much",
    "members_sum": "the members' own volumes made less than was executed",
    "no_operator": "the message did not name who gave the command",
}
"""Reason code → clause."""

BINDING = {
    "none": "no constraint bound",
    "permission": "its trading permission bound",
    "sync": "the state of its figures bound",
    "drawdown": "its drawdown limit bound",
    "member_maximum": "the member's maximum volume bound",
    "instrument_maximum": "the instrument's maximum volume bound",
    "margin_buffer": "its margin buffer bound",
    "leverage": "its maximum leverage bound",
    "holding": "what it held of the position bound",
}

MEASURE = {
    "balance": "balance",
    "equity": "equity",
    "free_margin": "free margin",
    "risk": "equity",
}
"""Methods that divide by money, and which."""

BOOKING = {
    "booked": "booked by the server",
    "refused": "refused by the server",
    "retry": "not done; to be asked again",
    "unknown": "outcome unknown; reconciled, never sent again",
    "coded": "answered by the server's return code",
}


ALERT = {
    "law": "a law was broken, and trading was stopped",
    "warning": "warning",
    "margin_call": "margin call",
    "stop_out": "stop-out",
    "drawdown": "drawdown limit",
    "out_of_sync": "our figures of the account and the server's differed",
    "in_sync": "our figures of the account and the server's agreed again",
    "house": "volume was parked in the house account",
    "impossible": "a message came that the block's state does not allow",
    "gap": "a sender's sequence numbers had a hole",
    "timeout": "an answer was late; its outcome was unknown",
    "fenced": "a bridge's ring was broken or not read",
    "unallocated": "a deal was executed that could not be allocated",
    "log_behind": "the log on disk was too far behind: no new orders",
    "log_disk_full": "the disk of the log was full: no new orders",
    "log_caught_up": "the log was on disk again: new orders were taken",
    "balance": "the balance moved by no deal of ours",
}
"""Kinds of RiskAlert."""

EXECUTION = {
    "trade": "filled {volume} at {price}",
    "rejected": "rejected it (code {code})",
    "ended": "ended it; filled in all {cumulative}",
    "correct": "corrected fill {reference} to {volume} at {price}",
    "bust": "took fill {reference} back",
    "status": "says: filled {cumulative} in all at {price} on average, {volume} still open",
}
"""Kinds of Execution: what the liquidity provider did."""

OUTCOME = {
    "rejected": "the block was rejected, and nothing was booked",
    "rolled_back": "the block was filled in part and traded out again; nothing was booked",
    "rolling_back": "the block is being traded out again",
    "planned": "not executed yet",
    "working": "not executed yet",
}
"""Why a child has no booking, by the block's last state."""


def clause(reason: str) -> str:
    """The clause of a reason code: ours, which look back at what happened, or else the schema's."""
    return REASON[reason] if reason in REASON else _of_schema("Reason", Reason, reason)


def alert(kind: str) -> str:
    """The same of a RiskAlert's kind."""
    return ALERT[kind] if kind in ALERT else _of_schema("AlertKind", AlertKind, kind)


def _of_schema(name: str, codes: type[IntEnum], code: str) -> str:
    number = codes.__members__.get(code.upper())
    text = SENTENCES[name].get(number, "") if number is not None else ""
    return text[:1].lower() + text[1:] or code.replace("_", " ")


GOES_ON = {"further_ticket", "further_price"}
"""Reasons of a child that goes on with what another of the same account has begun."""


def child_sentence(child: dict[str, object], volume: str, outcome: str) -> str:
    """Why a child got what it got. `volume`: what was booked for it in the end; `outcome`: why nothing."""
    planned, reason = str(child["volume"]), str(child["reason"])
    if reason in GOES_ON:
        return f"{planned} lots more: {clause(reason)}"
    if planned == "0":
        return f"gets nothing: {clause(reason)}" if reason != "none" else "gets nothing: its share is zero"
    text = f"exact share {child['quota_shown']} lots"
    floor = str(child["floor_volume"])
    if str(child["binding"]) != "none":
        text += f", at most {child['cap']} ({BINDING.get(str(child['binding']), child['binding'])})"
    text += f"; {floor} in whole steps"
    if planned != floor:
        text += f", {planned} after the steps left over were given out"
    if reason != "none":
        text += f"; {clause(reason)}"
    if volume == "0":
        text += f"; {outcome or 'nothing was booked'}"
    elif volume != planned:
        text += f"; of {planned} planned {volume} fell to it"
    return text
