"""Front: what people and programs reach a fund by, opened on its running parts and withdrawn before Ray is left.

Serve belongs to its Ray and outlives whoever uses it. Of a Ray that was joined we withdraw our own applications, which
bear the account's name, and end Serve itself only if it was begun here and carries nobody else's.
"""

from logging import WARNING, getLogger

from ray import serve

from qt_ray.actors.origin import Origin
from qt_ray.adapters.api_keys import operator_token
from qt_ray.adapters.listening import check_free
from qt_ray.serve import console, inference_deployment
from qt_ray.serve.serve_life import end_serve, is_serving


class Front:
    """The console of one account, for the browser and the commands of `person`, and beside it the inference API."""

    def __init__(self, port: int, person: str, host: str = console.HOST) -> None:
        """Open nothing yet."""
        self._port, self._person, self._host = port, person, host
        self._began_serve = False

    def check(self, origin: Origin) -> None:
        """Refuse what could not open on the Ray that this process is in, before any part has begun."""
        if is_serving():
            console.check(origin, self._host)
        else:
            check_free(self._host, self._port)

    def open(self, origin: Origin) -> str:
        """Open console and inference in place of what a killed fund has left of them, and return where."""
        getLogger("ray.serve").setLevel(WARNING)  # a person is told where the console is, and not how it came there
        self._began_serve = not is_serving()
        operator_token(origin.places.folder, self._person)
        _withdraw(origin)
        url = console.deploy(origin, self._port, self._host)
        inference_deployment.deploy(origin)
        return url

    def close(self, origin: Origin) -> None:
        """Withdraw what was opened."""
        _withdraw(origin)
        if self._began_serve and not serve.status().applications:
            end_serve()


def _withdraw(origin: Origin) -> None:
    ours = {*console.applications_of(origin), inference_deployment.application_of(origin)}
    for name in sorted(ours & serve.status().applications.keys()):
        serve.delete(name)
