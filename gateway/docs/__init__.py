"""The documentation that the gateway serves: pages for people, and examples for the OpenAPI document."""
