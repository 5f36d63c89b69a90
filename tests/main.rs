//! The promises of the whole, as programs and what they print; one binary, one module for each kind of promise.

mod architecture;
mod determinism;
mod diagnostics;
mod documentation;
mod embedding;
mod engines;
mod examples;
mod explanations;
mod golden;
mod guards;
mod npbench;
mod oracle;
mod plans;
mod program;
mod programs;
mod random_text;
mod robustness;
mod statements;
mod tables;
