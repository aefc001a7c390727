"""REST resources over collections."""
