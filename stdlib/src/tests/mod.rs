//! What must hold of the whole library.

mod machine_code;
