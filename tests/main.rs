//! The promises of the whole.
