"""The journey of a letter: intake, dispatch, and looking at where it is."""
