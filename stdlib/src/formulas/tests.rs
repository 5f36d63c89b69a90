//! Hard points and special values.
