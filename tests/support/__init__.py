"""What several tests share: a hub of their own, letters to send, a clock to turn."""
