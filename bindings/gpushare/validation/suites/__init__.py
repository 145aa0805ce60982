"""The built-in suites, each a module with ``run``, and what several of them share; imported when one runs."""
