"""Pictures of plain numbers: one file a kind; matplotlib is imported when the first one is drawn."""
