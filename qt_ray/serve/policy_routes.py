"""Policy routes: the policy over HTTP, each write from a named version by a person whom his key names.

What tightens is in force when it is answered. What loosens is laid before a second person: 202 and the proposal, and
nothing has changed.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response

from qt_ray.core.errors import Invalid
from qt_ray.core.loosening import Direction
from qt_ray.core.policy import Policy
from qt_ray.governance.reversion import changes_back
from qt_ray.governance.rulebook import Denial, Denied
from qt_ray.governance.rulebook_entries import Author, Proposal, Revision, changes_between
from qt_ray.governance.wishes import Approve, Change, Dismiss, Propose, Wish
from qt_ray.serve import answers
from qt_ray.serve.answers import Json
from qt_ray.serve.asker import Asking, Version
from qt_ray.serve.bodies import Because, PolicyChange, PolicyDraft, Reversion
from qt_ray.serve.ports import PolicyDesk, Ports

PAGE: Final = 100
PAGES_MAX: Final = 100
Count = Annotated[int, Query(ge=1, le=PAGE)]
Before = Annotated[int | None, Query(ge=1, le=2**62)]


def policy_routes(ports: Ports) -> APIRouter:
    """Return the routes below /api/policy."""
    routes, desk = APIRouter(tags=["policy"]), ports.policy
    _reads(routes, desk, ports)
    _writes(routes, desk)
    _proposals(routes, desk)
    return routes


def _reads(routes: APIRouter, desk: PolicyDesk, ports: Ports) -> None:
    @routes.get("/api/policy")
    async def policy(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """Return the policy in force; its ETag is the version that a write names."""
        found = await desk.policy()
        tag = _tag(found)
        return Response(status_code=304, headers={"ETag": tag}) if if_none_match == tag else _shown(found)

    @routes.get("/api/policy/history")
    async def history(count: Count = 20, before: Before = None) -> Response:
        """Return what was written, the newest first; `before` is the sequence of the last one seen."""
        return Json({"entries": await desk.history(count, before)})

    @routes.post("/api/policy/diff")
    async def diff(body: PolicyDraft) -> Response:
        """Return what a change would do, field by field, and whether it needs a second person; nothing is changed."""
        now = await desk.policy()
        wanted = body.changes or changes_back(now, await _policy_at(desk, body.version or now.version))
        changes = changes_between(now, now.with_changes(wanted, "nobody", max(ports.clock(), now.last_updated)))
        needs_second = any(change.direction == Direction.LOOSER.value for change in changes)
        return Json({"version": now.version, "changes": changes, "needs_second": needs_second})


def _writes(routes: APIRouter, desk: PolicyDesk) -> None:
    @routes.patch("/api/policy")
    async def change(body: PolicyChange, version: Version, author: Asking) -> Response:
        """Set dotted paths, all or none; what loosens becomes a proposal, 202."""
        return await _changed(desk, body.changes, version, body.reason, author)

    @routes.post("/api/policy/revert")
    async def revert(body: Reversion, version: Version, author: Asking) -> Response:
        """Bring the rules of an earlier version back, as a change like any other."""
        now, then = await desk.policy(), await _policy_at(desk, body.version)
        changes = changes_back(now, then)
        if not changes:
            return _shown(now)
        return await _changed(desk, changes, version, body.reason, author)


def _proposals(routes: APIRouter, desk: PolicyDesk) -> None:
    @routes.get("/api/policy/proposals")
    async def proposals() -> Response:
        """Return what waits for a second person."""
        return Json({"proposals": await desk.proposals()})

    @routes.post("/api/policy/proposals", status_code=202)
    async def propose(body: PolicyChange, version: Version, author: Asking) -> Response:
        """Lay a change before a second person, also one that would not need him."""
        return await _proposed(desk, body.changes, version, body.reason, author)

    @routes.post("/api/policy/proposals/{proposal}/approve")
    async def approve(proposal: str, author: Asking) -> Response:
        """Agree to somebody else's proposal, which brings it into force."""
        return await answered(desk, Approve(proposal), author)

    @routes.post("/api/policy/proposals/{proposal}/dismiss")
    async def dismiss(proposal: str, body: Because, author: Asking) -> Response:
        """Withdraw or refuse a proposal."""
        return await answered(desk, Dismiss(proposal, body.reason), author)


async def _changed(desk: PolicyDesk, changes: dict[str, Any], version: int, reason: str, author: Author) -> Response:
    found = await desk.wish(Change(changes, version, reason), author)
    if isinstance(found, Denied) and found.denial is Denial.NEEDS_SECOND:
        return await _proposed(desk, changes, version, reason, author)
    return _told(found)


async def _proposed(desk: PolicyDesk, changes: dict[str, Any], version: int, reason: str, author: Author) -> Response:
    now = await desk.policy()
    found = await desk.wish(Propose(changes, version, reason), author)
    if isinstance(found, Denied):
        return answers.denied(found)
    difference = changes_between(now, now.with_changes(changes, author.name, now.last_updated))
    wanted = Proposal.of(changes, difference, author.name, reason, now.last_updated).id
    waiting = next((one for one in await desk.proposals() if one.id == wanted), None)
    if waiting is None:
        raise Invalid("a proposal waits for its approval, this one was overtaken by another write")
    return Json({"proposal": waiting, "version": found.version}, 202)


async def answered(desk: PolicyDesk, wish: Wish, author: Author) -> Response:
    """Return the policy after a wish, or why it changed nothing."""
    return _told(await desk.wish(wish, author))


def _told(found: Policy | Denied) -> Response:
    return answers.denied(found) if isinstance(found, Denied) else _shown(found)


def _shown(policy: Policy) -> Response:
    shown = {"policy": policy, "allow_new_trades": policy.allow_new_trades, "digest": policy.digest}
    return Json(shown, headers={"ETag": _tag(policy)})


def _tag(policy: Policy) -> str:
    return f'"{policy.version}"'


async def _policy_at(desk: PolicyDesk, version: int) -> Policy:
    before: int | None = None
    for _ in range(PAGES_MAX):
        page = await desk.history(PAGE, before)
        for kept in page:
            if isinstance(kept.entry, Revision) and kept.entry.policy.version == version:
                return kept.entry.policy
        if not page:
            break
        before = page[-1].sequence
    raise Invalid(f"a version that was written is brought back, was {version}")
