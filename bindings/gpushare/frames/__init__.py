"""Tables of columns, and how tables, numbers and sentences are written as text and HTML."""
