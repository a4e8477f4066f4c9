//! The transaction over the engine in memory: a fault before and after every effect, and a crash at every
//! step, ends in the old world or in the new one, never between.

#[path = "transaction/scenario.rs"]
mod scenario;

use deployctl::engine::memory::{Behaviour, Fault};
use deployctl::plan::{StageKind, repair};
use deployctl::state::Outcome;
use scenario::{Scenario, World};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_deploy_replaces_every_container_and_keeps_names_and_replicas() {
    let mut shop = Scenario::running("v1").await;
    let finished = shop.deploy("v2").await;
    assert_eq!(finished.outcome, Outcome::Succeeded, "{finished:?}");
    assert_eq!(shop.world(), World::of("v2"));
    assert_eq!(shop.store.rollback_tag(), Some("v1".to_owned()));
    assert_eq!(shop.store.variable("IMAGE_TAG"), Some("v2".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_first_deploy_needs_nothing_to_be_there() {
    let mut shop = Scenario::empty();
    let finished = shop.deploy("v1").await;
    assert_eq!(finished.outcome, Outcome::Succeeded, "{finished:?}");
    assert_eq!(shop.world(), World::of("v1"));
    assert_eq!(shop.store.rollback_tag(), None);
}

#[tokio::test(start_paused = true)]
async fn a_second_deploy_of_the_same_tag_has_nothing_to_do() {
    let mut shop = Scenario::running("v1").await;
    let plan = shop.plan("v1");
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
    let finished = shop.deploy("v1").await;
    assert_eq!(finished.outcome, Outcome::Succeeded);
    assert_eq!(shop.engine.calls(), 0, "nothing was asked of the engine");
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_last_service_brings_every_old_container_back() {
    for behaviour in [
        Behaviour::Unhealthy,
        Behaviour::Silent,
        Behaviour::Exits(1),
        Behaviour::Exits(0),
    ] {
        let mut shop = Scenario::running("v1").await;
        let before = shop.containers();
        shop.behaves("proxy:v2", behaviour);
        let finished = shop.deploy("v2").await;
        assert_eq!(
            finished.outcome,
            Outcome::RolledBack,
            "{behaviour:?}: {finished:?}"
        );
        assert_eq!(
            finished.failed.expect("a failure").stage,
            StageKind::Wave(3)
        );
        assert_eq!(
            shop.containers(),
            before,
            "{behaviour:?}: the same containers, by id"
        );
        assert_eq!(shop.store.rollback_tag(), None);
        assert_eq!(shop.store.variable("IMAGE_TAG"), Some("v1".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_migration_touches_no_service() {
    let mut shop = Scenario::running("v1").await;
    let before = shop.containers();
    shop.behaves("migrate:v2", Behaviour::Exits(3));
    let finished = shop.deploy("v2").await;
    assert_eq!(finished.outcome, Outcome::Failed, "{finished:?}");
    assert_eq!(
        finished.failed.expect("a failure").stage,
        StageKind::Migrate
    );
    assert_eq!(shop.containers(), before);
}

#[tokio::test(start_paused = true)]
async fn a_migration_that_hangs_ends_at_its_deadline() {
    let mut shop = Scenario::running("v1").await;
    let before = shop.containers();
    shop.behaves("migrate:v2", Behaviour::Unchecked);
    let finished = shop.deploy("v2").await;
    assert_eq!(
        finished.failed.expect("a failure").stage,
        StageKind::Migrate
    );
    assert_eq!(
        shop.containers(),
        before,
        "the job's container is gone, too"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_first_deploy_leaves_no_container_and_no_network() {
    let mut shop = Scenario::empty();
    shop.behaves("proxy:v1", Behaviour::Unhealthy);
    let finished = shop.deploy("v1").await;
    assert_eq!(finished.outcome, Outcome::RolledBack, "{finished:?}");
    assert!(shop.containers().is_empty(), "{:?}", shop.containers());
    assert!(shop.engine.world().networks.is_empty());
    assert_eq!(
        shop.engine.world().volumes.len(),
        1,
        "a volume is never removed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_ends_in_one_of_the_two_worlds() {
    let calls = Scenario::calls_of_a_deploy().await;
    assert!(calls > 30, "{calls} calls are too few for this project");
    for number in 0..calls {
        for fault in [Fault::FailBefore(number), Fault::FailAfter(number)] {
            let mut shop = Scenario::running("v1").await;
            let before = shop.containers();
            shop.engine.arm(Some(fault));
            let finished = shop.deploy("v2").await;
            shop.assert_one_world(&before, &finished, &format!("{fault:?}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_call_is_recovered_into_one_of_the_two_worlds() {
    let calls = Scenario::calls_of_a_deploy().await;
    for number in 0..calls {
        for fault in [Fault::CrashBefore(number), Fault::CrashAfter(number)] {
            let mut shop = Scenario::running("v1").await;
            let before = shop.containers();
            shop.engine.arm(Some(fault));
            shop.deploy_until_crash("v2").await;
            let finished = shop.recover().await;
            shop.assert_one_world(&before, &finished, &format!("{fault:?}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_call_of_an_unwind_is_recovered_into_the_old_world() {
    let calls = Scenario::calls_of_a_failing_deploy().await;
    for number in 0..calls {
        for fault in [Fault::CrashBefore(number), Fault::CrashAfter(number)] {
            let mut shop = Scenario::running("v1").await;
            let before = shop.containers();
            shop.behaves("proxy:v2", Behaviour::Unhealthy);
            shop.engine.arm(Some(fault));
            shop.deploy_until_crash("v2").await;
            let finished = shop.recover().await;
            assert_eq!(
                finished.outcome,
                Outcome::RolledBack,
                "{fault:?}: {finished:?}"
            );
            assert_eq!(shop.containers(), before, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_the_engine_goes_on_with_does_not_end_what_recovery_starts() {
    let calls = Scenario::calls_of_a_deploy().await;
    let mut stops = 0;
    for (number, later) in
        (0..calls).flat_map(|n| [0, 1, 2, 3, 5, 8, 1000].map(move |later| (n, later)))
    {
        let fault = Fault::CrashInStop(number, later);
        let mut shop = Scenario::running("v1").await;
        let before = shop.containers();
        shop.engine.arm(Some(fault));
        let ended = shop.deploy_until_crash_or_end("v2").await;
        if ended.is_some() {
            continue;
        }
        stops += 1;
        let finished = shop.recover().await;
        shop.engine.end_stop();
        shop.assert_one_world(&before, &finished, &format!("{fault:?}"));
    }
    assert!(stops >= 4 * 7, "only {stops} crashes hit a stop");
}

#[tokio::test(start_paused = true)]
async fn a_crash_whose_journal_is_lost_is_put_right_from_names_and_labels() {
    let calls = Scenario::calls_of_a_deploy().await;
    let (mut old, mut new) = (0, 0);
    let faults = (0..calls).flat_map(|n| [Fault::CrashBefore(n), Fault::CrashAfter(n)]);
    for (fault, start_first) in faults.flat_map(|f| [(f, false), (f, true)]) {
        let mut shop = if start_first {
            Scenario::start_first("v1").await
        } else {
            Scenario::running("v1").await
        };
        let before = shop.containers();
        shop.engine.arm(Some(fault));
        shop.deploy_until_crash("v2").await;
        let found = shop.repair("v2").await;
        if shop.world() == World::of("v2") {
            new += 1;
        } else {
            // One-offs aside, and before anything else was created, nothing needs to be done.
            assert_ne!(found, Some(repair::World::New), "{fault:?}");
            assert_eq!(shop.containers(), before, "{fault:?}");
            old += 1;
        }
        assert_eq!(shop.repair("v2").await, None, "{fault:?}: once is enough");
    }
    assert!(old > 20 && new > 2, "{old} old worlds, {new} new ones");
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_crashes_itself_is_recovered() {
    for first in [10, 20, 30] {
        for second in 0..12 {
            let mut shop = Scenario::running("v1").await;
            let before = shop.containers();
            shop.engine.arm(Some(Fault::CrashAfter(first)));
            shop.deploy_until_crash("v2").await;
            shop.engine.arm(Some(Fault::CrashAfter(second)));
            shop.recover_until_crash().await;
            let finished = shop.recover().await;
            shop.assert_one_world(&before, &finished, &format!("{first}, then {second}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_at_any_call_ends_in_one_of_the_two_worlds() {
    let calls = Scenario::calls_of_a_deploy().await;
    for number in (0..calls).step_by(3) {
        let mut shop = Scenario::running("v1").await;
        let before = shop.containers();
        let finished = shop.deploy_interrupted_after("v2", number).await;
        shop.assert_one_world(
            &before,
            &finished,
            &format!("interrupted after call {number}"),
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_that_ends_does_not_end_the_wait() {
    let mut shop = Scenario::running("v1").await;
    shop.behaves("proxy:v2", Behaviour::Silent);
    let finished = shop
        .deploy_with("v2", async |engine| {
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            engine.end_streams();
            engine.change(|world| {
                world.behaviour.clear();
                for container in world
                    .containers
                    .values_mut()
                    .filter(|c| c.image == "proxy:v2")
                {
                    container.health = deployctl::plan::observed::Health::Healthy;
                }
            });
        })
        .await;
    assert_eq!(finished.outcome, Outcome::Succeeded, "{finished:?}");
    assert_eq!(shop.world(), World::of("v2"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_dies_while_a_later_wave_is_awaited_fails_the_release() {
    let mut shop = Scenario::running("v1").await;
    let before = shop.containers();
    shop.behaves("proxy:v2", Behaviour::Silent);
    let finished = shop
        .deploy_with("v2", async |engine| {
            tokio::time::sleep(std::time::Duration::from_secs(10)).await;
            let api = engine
                .world()
                .containers
                .values()
                .find(|c| c.image == "api:v2")
                .map(|c| c.id.clone());
            engine.change(|world| world.exit(&api.expect("api runs"), 1));
        })
        .await;
    assert_eq!(finished.outcome, Outcome::RolledBack, "{finished:?}");
    assert_eq!(finished.failed.expect("a failure").lane, "api");
    assert_eq!(shop.containers(), before);
}

#[tokio::test(start_paused = true)]
async fn start_first_never_leaves_a_service_with_fewer_replicas_than_asked_for() {
    let mut shop = Scenario::start_first("v1").await;
    let finished = shop.deploy("v2").await;
    assert_eq!(finished.outcome, Outcome::Succeeded, "{finished:?}");
    assert_eq!(shop.world(), World::of("v2"));
    assert_eq!(shop.engine.least_serving("api"), Some(2));
    assert_eq!(shop.engine.least_serving("proxy"), Some(1));
    assert_eq!(
        shop.engine.least_serving("worker"),
        Some(0),
        "`worker` stops first: the count is no constant"
    );
}

#[tokio::test(start_paused = true)]
async fn start_first_serves_through_the_unwind_too() {
    let mut shop = Scenario::start_first("v1").await;
    let before = shop.containers();
    shop.behaves("proxy:v2", Behaviour::Unhealthy);
    let finished = shop.deploy("v2").await;
    assert_eq!(finished.outcome, Outcome::RolledBack, "{finished:?}");
    assert_eq!(shop.containers(), before);
    assert_eq!(shop.engine.least_serving("api"), Some(2));
    assert_eq!(shop.engine.least_serving("proxy"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_fault_or_a_crash_at_any_call_of_a_start_first_ends_in_one_of_the_two_worlds() {
    let mut shop = Scenario::start_first("v1").await;
    shop.deploy("v2").await;
    let calls = shop.engine.calls();
    assert!(calls > 30, "{calls} calls are too few for this project");
    for number in 0..calls {
        for fault in [Fault::FailBefore(number), Fault::FailAfter(number)] {
            let mut shop = Scenario::start_first("v1").await;
            let before = shop.containers();
            shop.engine.arm(Some(fault));
            let finished = shop.deploy("v2").await;
            shop.assert_one_world(&before, &finished, &format!("{fault:?}"));
            assert_eq!(shop.engine.least_serving("api"), Some(2), "{fault:?}");
        }
        for fault in [Fault::CrashBefore(number), Fault::CrashAfter(number)] {
            let mut shop = Scenario::start_first("v1").await;
            let before = shop.containers();
            shop.engine.arm(Some(fault));
            shop.deploy_until_crash("v2").await;
            let after_the_crash = shop.engine.least_serving("api");
            let finished = shop.recover().await;
            shop.assert_one_world(&before, &finished, &format!("{fault:?}"));
            assert_eq!(after_the_crash, Some(2), "{fault:?}");
            // A recovery with nothing to do asks the engine for no change.
            let while_recovering = shop.engine.least_serving("api").unwrap_or(2);
            assert_eq!(while_recovering, 2, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_or_a_crash_while_replicas_are_replaced_side_by_side_ends_in_one_of_the_two_worlds()
{
    let update = json!({"order": "start-first", "parallelism": 0, "monitor": "2s", "delay": "1s"});
    let mut shop = Scenario::updating("v1", update.clone()).await;
    shop.deploy("v2").await;
    let calls = shop.engine.calls();
    for number in 0..calls {
        for fault in [Fault::FailBefore(number), Fault::FailAfter(number)] {
            let mut shop = Scenario::updating("v1", update.clone()).await;
            let before = shop.containers();
            shop.engine.arm(Some(fault));
            let finished = shop.deploy("v2").await;
            shop.assert_one_world(&before, &finished, &format!("{fault:?}"));
            assert_eq!(shop.engine.least_serving("api"), Some(2), "{fault:?}");
        }
        for fault in [Fault::CrashBefore(number), Fault::CrashAfter(number)] {
            let mut shop = Scenario::updating("v1", update.clone()).await;
            let before = shop.containers();
            shop.engine.arm(Some(fault));
            shop.deploy_until_crash("v2").await;
            let finished = shop.recover().await;
            shop.assert_one_world(&before, &finished, &format!("{fault:?}"));
            let least = shop.engine.least_serving("api").unwrap_or(2);
            assert_eq!(least, 2, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn replicas_that_stop_first_leave_all_but_one_serving_and_wait_the_delay_in_between() {
    let mut shop = Scenario::updating("v1", json!({"delay": "10s"})).await;
    let started = tokio::time::Instant::now();
    let finished = shop.deploy("v2").await;
    assert_eq!(finished.outcome, Outcome::Succeeded, "{finished:?}");
    assert_eq!(shop.engine.least_serving("api"), Some(1));
    let seconds = started.elapsed().as_secs();
    assert!((10..20).contains(&seconds), "one delay, not {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_parallelism_of_0_that_stops_first_stops_all_at_once() {
    let mut shop = Scenario::updating("v1", json!({"parallelism": 0})).await;
    let finished = shop.deploy("v2").await;
    assert_eq!(finished.outcome, Outcome::Succeeded, "{finished:?}");
    assert_eq!(shop.world(), World::of("v2"));
    assert_eq!(shop.engine.least_serving("api"), Some(0));
}

/// A deploy whose first new `api` turns unhealthy after three seconds.
async fn first_of_two_fails(update: serde_json::Value) -> (Scenario, Outcome) {
    let mut shop = Scenario::updating("v1", update).await;
    shop.behaves("api:v2", Behaviour::Silent);
    let finished = shop
        .deploy_with("v2", async |engine| {
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            engine.change(|world| {
                world
                    .behaviour
                    .insert("api:v2".to_owned(), Behaviour::Healthy);
                let mut containers = world.containers.values_mut();
                let failing = containers.find(|c| c.image == "api:v2" && c.is_running());
                failing.expect("the first one").health =
                    deployctl::plan::observed::Health::Unhealthy;
            });
        })
        .await;
    (shop, finished.outcome)
}

#[tokio::test(start_paused = true)]
async fn as_many_containers_may_fail_as_the_ratio_says() {
    let (shop, outcome) = first_of_two_fails(json!({"max_failure_ratio": 0.5})).await;
    assert_eq!(outcome, Outcome::Succeeded);
    let unhealthy = shop
        .world()
        .0
        .into_iter()
        .filter(|(_, c)| c.contains("Unhealthy"));
    assert_eq!(
        unhealthy.collect::<Vec<_>>(),
        [(
            "shop-api-1".to_owned(),
            "api:v2 Running Unhealthy unless-stopped".to_owned()
        )]
    );
    let (_, outcome) = first_of_two_fails(json!({"max_failure_ratio": 0.4})).await;
    assert_eq!(outcome, Outcome::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn a_new_container_that_fails_while_it_is_watched_never_cost_an_old_one() {
    let update = json!({"order": "start-first", "monitor": "20s"});
    let mut shop = Scenario::updating("v1", update).await;
    let before = shop.containers();
    let finished = shop
        .deploy_with("v2", async |engine| {
            tokio::time::sleep(std::time::Duration::from_secs(10)).await;
            engine.change(|world| {
                let mut containers = world.containers.values_mut();
                let watched = containers.find(|c| c.image == "api:v2" && c.is_running());
                watched.expect("the first one").health =
                    deployctl::plan::observed::Health::Unhealthy;
            });
        })
        .await;
    assert_eq!(finished.outcome, Outcome::RolledBack, "{finished:?}");
    assert_eq!(shop.containers(), before);
    assert_eq!(shop.engine.least_serving("api"), Some(2));
}
