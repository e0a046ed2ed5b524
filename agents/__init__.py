"""The Faust agents: loops of a few lines."""
