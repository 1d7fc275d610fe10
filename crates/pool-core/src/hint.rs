//! Reset hints in the words of a message.
