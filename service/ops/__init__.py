"""Run and watch the service."""
