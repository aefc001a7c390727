"""Operations: health checks, metrics, logs."""
