//! The end of a browser.

use std::{fs, panic, path::Path};

use rustix::process::Pid;

use super::{PAGE, Place};
use crate::support::{browser::Browser, group::processes_of};

/// Asserts that a driver and its browsers have left no process and no file.
fn assert_nothing_left(group: Pid, dir: &Path) {
    assert_eq!(processes_of(group, dir), []);
    assert!(!dir.exists(), "{}", dir.display());
    let dir = dir.display().to_string();
    for process in fs::read_dir("/proc").expect("/proc").flatten() {
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments);
        assert!(!arguments.contains(&dir), "{}: {arguments}", process.path().display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_browser_leaves_nothing() {
    let place = Place::start().await;
    let browser = Browser::start(place.options()).await;
    browser.goto(PAGE).await;
    let (group, dir) = (browser.driver().process_group(), browser.driver().dir().to_owned());
    // The driver and its shells, the browser, two handlers of crashes, zygotes, GPU, network, page.
    assert!(processes_of(group, &dir).len() > 9, "{:?}", processes_of(group, &dir));
    drop(browser);
    assert_nothing_left(group, &dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn panic_leaves_nothing_of_browser() {
    let place = Place::start().await;
    let browser = Browser::start(place.options()).await;
    let (group, dir) = (browser.driver().process_group(), browser.driver().dir().to_owned());
    let test = tokio::spawn(async move {
        browser.goto(PAGE).await;
        // Unlike `panic!`, this prints nothing.
        panic::resume_unwind(Box::new("a failed test"));
    });
    assert!(test.await.is_err_and(|error| error.is_panic()));
    assert_nothing_left(group, &dir);
}
