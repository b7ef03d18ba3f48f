//! The windows and tabs of a browser.

use fantoccini::wd::WindowHandle;

use super::{Browser, done};

impl Browser {
    /// Opens an empty tab beside the current one and continues in it.
    pub async fn new_tab(&self) -> WindowHandle {
        self.open(true).await
    }

    /// Opens an empty window and continues in it.
    pub async fn new_window(&self) -> WindowHandle {
        self.open(false).await
    }

    /// Returns the current window or tab.
    pub async fn window(&self) -> WindowHandle {
        done("the window", self.client.window().await)
    }

    /// Returns all windows and tabs, including those that pages have opened.
    pub async fn windows(&self) -> Vec<WindowHandle> {
        done("the windows", self.client.windows().await)
    }

    /// Continues in this window or tab.
    pub async fn switch_to(&self, window: &WindowHandle) {
        done("the other window", self.client.switch_to_window(window.clone()).await);
        self.emulate().await;
    }

    /// Closes the current window or tab and continues in another.
    pub async fn close_window(&self, next: &WindowHandle) {
        done("closing the window", self.client.close_window().await);
        self.switch_to(next).await;
    }

    async fn open(&self, as_tab: bool) -> WindowHandle {
        let window = done("a window", self.client.new_window(as_tab).await).handle;
        self.switch_to(&window).await;
        window
    }
}
