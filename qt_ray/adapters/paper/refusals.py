"""Refusals: every no that belongs to the wire rather than to the exchange, with the venue's number, words and status.

A client decides by the number, a person by the words, a proxy by the status; all three are data in one place.
"""

from qt_ray.execution.exchange.values import Refusal

WORDS: dict[int, str] = {
    -1000: "An unknown error occurred while processing the request.",
    -1003: "Too many requests; current limit of IP({address}) is {limit} requests per minute. "
    "Please use the websocket for live updates to avoid bans.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. "
    "Please try again.",
    -1015: "Too many new orders; current limit is {limit} orders per {interval}.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1100: "Illegal characters found in parameter '{name}'; legal range is '{legal}'.",
    -1102: "Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    -1103: "An unknown parameter was sent.",
    -1106: "Parameter '{name}' sent when not required.",
    -1108: "Invalid asset.",
    -1112: "No orders on book for symbol.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '{name}' is not valid.",
    -1131: "recvWindow must be less than 60000.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action, request ip: {address}",
    -4021: "{value} is not valid depth limit",
    -4056: "HMAC_SHA256 API key is not supported.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -5000: "Path {path}, Method {method} is invalid",
}
STATUS = {-1003: 429, -1007: 503, -1008: 503, -1015: 429, -2014: 401, -2015: 401, -5000: 404}
AHEAD = "Timestamp for this request was {ahead}ms ahead of the server's time."
BANNED = (
    "Way too many requests; IP({address}) banned until {until}. "
    "Please use the websocket for live updates to avoid bans."
)


class Denied(Refusal):
    """A no of the wire; `retry_after_s` is told in a header where the venue tells it."""

    def __init__(self, code: int, message: str, status: int | None = None, retry_after_s: int | None = None) -> None:
        super().__init__(code, message)
        self.status = status_of(code) if status is None else status
        self.retry_after_s = retry_after_s


def denied(code: int, **parts: object) -> Denied:
    """Return the refusal of `code`, its words filled with `parts`."""
    return Denied(code, WORDS[code].format(**parts))


def status_of(code: int) -> int:
    """Return the HTTP status that goes with a code; 400 unless the table says otherwise."""
    return STATUS.get(code, 400)
