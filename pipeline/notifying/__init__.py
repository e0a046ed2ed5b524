"""Alerts on their way out: from `engagement.alerts` as signed webhooks to one address."""
