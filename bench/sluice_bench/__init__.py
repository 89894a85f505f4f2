"""Measures a proxied hop against no hop and against other proxies, on one machine. bench/README.md says how."""
