"""The syntax of PDF files (ISO 32000-1 7), for those who write receipts and for those who judge them."""
