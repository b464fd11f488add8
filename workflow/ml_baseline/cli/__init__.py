"""The `ml-baseline` command and what it says on the terminal."""
