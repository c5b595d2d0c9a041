"""The only rooms that may import a framework; each package is light until it is used."""
