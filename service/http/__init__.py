"""One HTTP exchange: request in, response out."""
