"""How the doors for programs describe themselves, and the OpenAPI document that follows from it."""
