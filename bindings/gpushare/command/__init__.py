"""The command line, and the demonstration it can give."""
