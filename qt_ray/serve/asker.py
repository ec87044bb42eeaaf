"""Asker: the person behind a request, as its grant says; nobody tells the console who he is."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header, Request

from qt_ray.governance.access import Grant
from qt_ray.governance.rulebook_entries import Author

VERSION: Final = re.compile(r'(?:W/)?"([1-9][0-9]{0,17})"')


class Unconditional(Exception):
    """A write that does not say which version it was made from, or says it in words that mean none."""


def grant_of(request: Request) -> Grant:
    """Return the grant that the gate has found; without a gate nobody is anybody."""
    grant: Grant = request.state.grant
    return grant


def author_of(request: Request) -> Author:
    """Return the author of what a request wishes."""
    grant = grant_of(request)
    return Author(grant.person, grant.is_person)


def version_of(
    if_match: Annotated[str | None, Header(description="The version in force, as its ETag.", examples=['"12"'])] = None,
) -> int:
    """Return the version that a write was made from."""
    found = VERSION.fullmatch(if_match.strip()) if if_match else None
    if found is None:
        raise Unconditional('a write names the version it was made from in If-Match, such as "12"')
    return int(found[1])


Asking = Annotated[Author, Depends(author_of)]
Version = Annotated[int, Depends(version_of)]
