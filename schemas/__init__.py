"""What travels: records, aggregate rows and topics. Imports nothing of ours."""
