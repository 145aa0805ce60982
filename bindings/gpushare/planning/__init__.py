"""Which way of sharing to choose, judged by figures."""
