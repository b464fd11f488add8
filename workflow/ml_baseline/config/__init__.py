"""The configuration: checked, completed, documented."""
