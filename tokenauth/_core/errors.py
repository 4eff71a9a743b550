"""The errors of `tokenauth.errors`, loaded when first used: most programs never need them."""

from typing import TYPE_CHECKING

from tokenauth._lazy import lazy

if TYPE_CHECKING:
    from tokenauth._core.error_tree import CredentialsRejected, TokenAuthError, TokenEndpointError, TokenResponseError

__all__ = ["CredentialsRejected", "TokenAuthError", "TokenEndpointError", "TokenResponseError"]


def alone(problem: BaseException) -> BaseException:
    """Return what is in *problem*, if it is a group of one, as a task group raises it; else *problem*."""
    while isinstance(problem, BaseExceptionGroup) and len(problem.exceptions) == 1:
        problem = problem.exceptions[0]
    return problem


__getattr__, __dir__ = lazy(__name__, {}, rest="tokenauth._core.error_tree")
