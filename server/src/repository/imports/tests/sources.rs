//! Whole sources, from their text to the files that they import.
