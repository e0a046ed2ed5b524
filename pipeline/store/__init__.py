"""Redis: keys, the atomic script, pages in and out."""
