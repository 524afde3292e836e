"""Errors as Google's APIs answer them: ``{"error": {"code": 404, "message": "…", "status": "NOT_FOUND"}}``."""

from typing import ClassVar


class GoogleError(Exception):
    """Answered with its code and status."""

    code: ClassVar[int]
    status: ClassVar[str]

    def body(self) -> dict[str, object]:
        return {"error": {"code": self.code, "message": str(self), "status": self.status}}


class InvalidArgumentError(GoogleError):
    code, status = 400, "INVALID_ARGUMENT"


class FailedPreconditionError(GoogleError):
    code, status = 400, "FAILED_PRECONDITION"


class PermissionDeniedError(GoogleError):
    code, status = 403, "PERMISSION_DENIED"


class NotFoundError(GoogleError):
    code, status = 404, "NOT_FOUND"


class UnimplementedError(GoogleError):
    """The live API does this, the emulator does not."""

    code, status = 501, "UNIMPLEMENTED"
