use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// The maximum number of requests whose response is awaited.
const MAX_OPEN: usize = 10_000;

/// The ids of requests that take rights away, and whose response the feed has not delivered.
#[derive(Default)]
pub(super) struct OpenRequests(Mutex<HashSet<String>>);

/// The error for too many open requests.
#[derive(Debug)]
pub(super) struct TooManyOpen;

impl OpenRequests {
    /// Adds a request.
    pub(super) fn begin(&self, id: &str) -> Result<(), TooManyOpen> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN {
            return Err(TooManyOpen);
        }
        open.insert(id.to_owned());
        Ok(())
    }

    /// Removes a request, if it is open.
    pub(super) fn end(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Returns true if a request is open.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}
