"""The contract of adapters as checks that anybody runs on a kind of their own."""
