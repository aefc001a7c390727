"""Records to and from files."""
