"""HTTP over the read side: queries, the stream of updates, the OpenAPI document and one page to look at."""
