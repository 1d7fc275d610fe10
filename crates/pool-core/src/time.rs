//! Times as the file writes them.
