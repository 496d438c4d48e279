"""What the operator looks at and decides, over HTTP."""
