"""The oracle: a dictionary and a group-by that counts the topic again."""
