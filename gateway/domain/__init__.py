"""The ground floor: what official mail is and which moves it may make; standard library only."""
