//! The `deployctl` binary.
fn main() {}
