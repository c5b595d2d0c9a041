"""`preprocess`: a table as it comes -> numbers. `looking` decides, `building` builds."""
