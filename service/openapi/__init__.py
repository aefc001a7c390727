"""The API description (OpenAPI 3.1), made from what the handlers state about themselves."""

from service.openapi.document import document

__all__ = ["document"]
