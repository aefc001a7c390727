"""Find, check and order the plugins."""
