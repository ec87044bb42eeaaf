import pytest

from qt_ray.core.errors import Invalid, InvalidConfig, Invariant, QtError, Retryable

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("kind", "code"), [(QtError, 1), (Invalid, 6), (InvalidConfig, 3), (Retryable, 7), (Invariant, 1)]
)
def test_an_error_knows_the_exit_code_of_its_shell(kind: type[QtError], code: int) -> None:
    assert kind("a rule, was 5").exit_code == code
    assert str(kind("a rule, was 5")) == "a rule, was 5"


def test_what_a_boundary_catches_is_neither_retried_nor_fatal() -> None:
    assert issubclass(InvalidConfig, Invalid)
    for kind in (Retryable, Invariant):
        assert issubclass(kind, QtError)
        assert not issubclass(kind, Invalid)
    assert not issubclass(Retryable, Invariant)
