"""Plain ASGI around the application: logs, mounting, hosts, the second origin."""
