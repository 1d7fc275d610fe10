//! JSON objects and arrays as they stand in the text.
