"""What receipts say, and the closed catalogue of reasons."""
