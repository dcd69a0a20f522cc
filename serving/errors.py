"""The one error of the model server: a gRPC status code with a text for the client."""

import grpc

_LIMIT = 1024
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class ServingError(Exception):
    """A call or a load that failed; the code and the text are those of TensorFlow Serving where it has the case."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def number(self) -> int:
        """The code as google.rpc.Code counts it."""
        return int(self.code.value[0])

    @property
    def text(self) -> str:
        """The message, cut after 1024 bytes as in TensorFlow Serving's `util/grpc_status_util.cc`."""
        message = str(self).encode()
        return str(self) if len(message) <= _LIMIT else message[:_LIMIT].decode(errors="ignore") + "...TRUNCATED"


def status_code(number: int) -> grpc.StatusCode:
    """Return the code with the number `number`; UNKNOWN for a number that gRPC does not have."""
    return _CODES.get(number, grpc.StatusCode.UNKNOWN)


def invalid(message: str) -> ServingError:
    """Return an INVALID_ARGUMENT to raise."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(name: str, version: int | None) -> ServingError:
    """Return the NOT_FOUND for a version of the model `name`, the latest if None, that cannot be had."""
    wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
    return ServingError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
