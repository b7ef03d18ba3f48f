//! The driver of Chromium, which starts its browsers.

use std::{path::Path, time::Duration};

use rustix::process::Pid;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::{group::Group, tools, wait::eventually};

/// The number of drivers that run at once. A browser takes 365 MB, a further one of the same driver
/// 160 MB.
const MAX_DRIVERS: usize = 2;

static DRIVERS: Semaphore = Semaphore::const_new(MAX_DRIVERS);

/// A running `chromedriver`. Dropping it kills it and its browsers, and removes their profiles.
pub struct ChromeDriver {
    group: Group,
    url: String,
    _permit: SemaphorePermit<'static>,
}

impl ChromeDriver {
    /// Starts it on a free port, as soon as fewer than two run.
    ///
    /// # Panics
    /// If it exits instead.
    pub(super) async fn start() -> Self {
        let permit = DRIVERS.acquire().await.expect("the semaphore is never closed");
        // The driver takes a free port of IPv6, and exits if another program has the same one of IPv4.
        for _ in 0..5 {
            let mut group = Group::spawn(&tools::chromedriver(), &["--port=0"]);
            if let Some(port) = port(&mut group).await {
                return Self { group, url: format!("http://127.0.0.1:{port}"), _permit: permit };
            }
        }
        panic!("chromedriver found no free port");
    }

    /// The URL for WebDriver.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Returns its log and its browsers'.
    pub fn log(&self) -> String {
        self.group.log()
    }

    /// The process group of it and its browsers.
    pub fn process_group(&self) -> Pid {
        self.group.id()
    }

    /// The folder of its and its browsers' files.
    pub fn dir(&self) -> &Path {
        self.group.dir()
    }
}

/// Waits until the driver listens, and returns its port; `None` if another program has it.
async fn port(group: &mut Group) -> Option<u16> {
    eventually(Duration::from_secs(30), "the driver's port", async || {
        let log = group.log();
        if !group.is_running() {
            assert!(log.contains("port not available"), "chromedriver exited:\n{log}");
            return Some(None);
        }
        let (_, rest) = log.split_once("started successfully on port ")?;
        let (port, _) = rest.split_once('.')?;
        port.parse().ok().map(Some)
    })
    .await
}
