//! Machine code, made while the program runs: vectors for regions (`regions`), scalars for loops (`loops`).
//!
//! Both begin with the recordings of the same formulas (`kernel/record.rs`), and both give the bits that the interpreter gives.

pub mod loops;
pub mod regions;

/// When machine code is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineCode {
    /// Never.
    Off,
    /// Where a region is large or runs often.
    #[default]
    WhenWorth,
    /// At the first run of everything; for tests.
    Always,
}

impl MachineCode {
    /// How `THALWEG_MACHINE_CODE` says what it may.
    pub const NAMES: [&str; 2] = ["off", "always"];

    /// As `THALWEG_MACHINE_CODE` says it: `off`, `always`, or anything else.
    pub fn detect() -> MachineCode {
        match std::env::var("THALWEG_MACHINE_CODE").ok().as_deref().map(str::trim) {
            Some("off") => MachineCode::Off,
            Some("always") => MachineCode::Always,
            _ => MachineCode::WhenWorth,
        }
    }
}
