//! What a person on call types, by the real binary on a real engine with a real registry.

#[expect(dead_code, reason = "shared: each kind of test takes what it needs")]
#[path = "e2e/app.rs"]
mod app;
#[path = "oncall/check.rs"]
mod check;
#[path = "oncall/follow.rs"]
mod follow;
#[path = "oncall/history.rs"]
mod history;
#[path = "oncall/plan.rs"]
mod plan;
#[path = "oncall/proxy.rs"]
mod proxy;
#[path = "oncall/registry.rs"]
mod registry;
#[path = "oncall/report.rs"]
mod report;
#[path = "oncall/status.rs"]
mod status;
