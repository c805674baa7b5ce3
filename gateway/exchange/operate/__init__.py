"""Whether the hub is well."""
