"""The public OpenAPI descriptions that the sample servers and the connectors are held against."""
