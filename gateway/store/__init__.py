"""Tables, queries and payload files; reads and writes inside the transaction it is given, never commits."""
