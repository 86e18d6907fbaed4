"""Alerts: from the event logs, by rules (`rules`), through a durable outbox (`outbox`), to webhooks and brokers."""
