"""The description of the API: OpenAPI, and a page made of it."""
