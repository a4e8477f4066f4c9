//! Nothing lost, whatever breaks: the real binary, a real engine and a real registry, broken for real.
//!
//! Each case looks at the world afterwards: which containers serve which version, data, names, files, lock, journal.

#[path = "e2e/app.rs"]
#[expect(
    dead_code,
    reason = "shared with the other tests on the engine; each uses its part"
)]
mod app;
#[path = "faults/client.rs"]
mod client;
#[path = "faults/daemon.rs"]
mod daemon;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/engine.rs"]
mod engine;
#[path = "faults/figures.rs"]
mod figures;
#[path = "faults/front.rs"]
mod front;
#[path = "faults/gone.rs"]
mod gone;
#[path = "faults/kill.rs"]
mod kill;
#[path = "faults/owners.rs"]
mod owners;
#[path = "faults/people.rs"]
mod people;
#[path = "faults/registry.rs"]
mod registry;
#[path = "faults/release.rs"]
mod release;
#[path = "faults/secrets.rs"]
mod secrets;
#[path = "faults/signals.rs"]
mod signals;
#[path = "faults/soak.rs"]
mod soak;
#[path = "faults/socket.rs"]
mod socket;
#[path = "faults/ssh.rs"]
mod ssh;
#[path = "faults/strace.rs"]
mod strace;
#[path = "faults/together.rs"]
mod together;
#[path = "faults/world.rs"]
mod world;
