"""HTTP: server, routing, request bodies, responses, errors."""
