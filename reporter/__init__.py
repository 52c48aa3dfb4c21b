"""ckpt-report."""
