"""Alerts: rules over rows of closed windows and the queue, and what becomes of their words. Pure."""
