"""The config: read, completed from one schema, checked before any job, documented."""
