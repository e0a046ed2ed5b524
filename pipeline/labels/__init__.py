"""What a post is, read from the post alone: open question or not, media, hashtags, hour, language."""

from pipeline.labels.post import Labels, decode_labels, encode_labels, label_post

__all__ = ["Labels", "decode_labels", "encode_labels", "label_post"]
