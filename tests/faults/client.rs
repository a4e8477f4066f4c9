//! Somebody who uses what serves, a hundred times a second, and counts what fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::world::{address, inspect, request, text};

/// Between two requests.
const EVERY: Duration = Duration::from_millis(10);

pub(crate) struct Client {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Counted>,
}

/// What a client saw.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) asked: u32,
    pub(crate) failed: u32,
    /// The first failures, in words.
    pub(crate) failures: Vec<String>,
}

impl Client {
    /// Asks the only container of a service until it is told to stop.
    pub(crate) fn of(app: &App, service: &str) -> Self {
        let containers = inspect(app);
        let path = "/Config/Labels/com.docker.compose.service";
        let container = containers.iter().find(|c| text(c, path) == service);
        let address = container.and_then(address).expect("an address");
        Self::at(address)
    }

    pub(crate) fn at(address: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut counted = Counted::default();
            let mut next = Instant::now();
            while !told.load(Ordering::Relaxed) {
                counted.asked += 1;
                if let Err(error) = request(&address, "/version") {
                    counted.failed += 1;
                    if counted.failures.len() < 5 {
                        counted.failures.push(error.to_string());
                    }
                }
                next += EVERY;
                let pause = next.saturating_duration_since(Instant::now());
                std::thread::sleep(pause);
            }
            counted
        });
        Self { stop, thread }
    }

    pub(crate) fn stop(self) -> Counted {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the client")
    }

    /// Where nothing had to stop, nothing may have failed.
    #[track_caller]
    pub(crate) fn assert_nothing_failed(self, case: &str) {
        let counted = self.stop();
        assert!(counted.asked > 0, "{case}: nobody asked");
        assert_eq!(counted.failed, 0, "{case}: {counted:?}");
    }
}
