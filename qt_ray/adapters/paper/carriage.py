"""Carriage: a request on its way to the door and its reply on the way back, with what may go wrong on each.

Without a rule in force it is a function call. A cut connection says nothing of whether the request was carried out,
which is the whole point.
"""

import asyncio
from dataclasses import replace

from qt_ray.adapters.paper.door import Door, Reply, Request
from qt_ray.adapters.paper.faults import ANSWERS, Deed, Faults, Rule, first
from qt_ray.adapters.paper.order_reading import is_exempt
from qt_ray.adapters.paper.stream_faults import spoil


async def carry(door: Door, faults: Faults, request: Request) -> Reply | None:
    """Return the reply to a request, or None when the connection is cut instead."""
    if faults.is_quiet:
        return door.ask(request)
    rules = faults.on_request(request.method, request.path, is_exempt(request.params))
    await _wait(rules, Deed.DELAY_BEFORE)
    if first(rules, Deed.DROP_BEFORE) is not None:
        return None
    if (rule := first(rules, Deed.ANSWER_BEFORE)) is not None:
        return canned(rule)
    reply = door.ask(request)
    if first(rules, Deed.DUPLICATE) is not None:
        door.ask(request)
    await _wait(rules, Deed.DELAY_AFTER)
    if first(rules, Deed.DROP_AFTER) is not None:
        return None
    if (rule := first(rules, Deed.ANSWER_AFTER)) is not None:
        return canned(rule)
    return _damaged(reply, rules)


def canned(rule: Rule) -> Reply:
    """Return the answer that a rule gives instead of the true one."""
    answer = ANSWERS[rule.answer]
    headers = {} if answer.retry_after_s is None else {"Retry-After": str(answer.retry_after_s)}
    return Reply(answer.status, answer.body, headers, answer.content_type)


def _damaged(reply: Reply, rules: list[Rule]) -> Reply:
    for rule in rules:
        if rule.deed is Deed.GARBLE:
            reply = replace(reply, body=reply.body[::-1])
        elif rule.deed is Deed.SPOIL:
            reply = replace(reply, body=spoil(reply.body, rule.field, rule.value))
        elif rule.deed is Deed.TRUNCATE:
            reply = replace(reply, is_cut=True)
    return reply


async def _wait(rules: list[Rule], deed: Deed) -> None:
    delay_ms = sum(rule.delay_ms for rule in rules if rule.deed is deed)
    if delay_ms:
        await asyncio.sleep(delay_ms / 1_000)
