"""The API description (OpenAPI 3.1), generated from the decorators of the handlers."""

from service.openapi.document import document

__all__ = ["document"]
