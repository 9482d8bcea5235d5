//! How long a request may take and how many may be in work.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::{Code, Error, Result};
use crate::place;

/// The bounds of a request. Cheap to clone.
#[derive(Clone)]
pub struct Limits {
    /// Longest time from the head of a request to its answer.
    pub deadline: Duration,
    places: Arc<Semaphore>,
}

impl Limits {
    /// At most `concurrency` requests in work, none for longer than `deadline`.
    pub fn new(deadline: Duration, concurrency: usize) -> Self {
        Self { deadline, places: Arc::new(Semaphore::new(concurrency)) }
    }

    /// Does the work when there is a place, within the deadline.
    ///
    /// # Errors
    /// Code 4 when time is up.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout(self.deadline, place::within(&self.places, work))
            .await
            .map_err(|_| Error::native(Code::DeadlineExceeded, "the request took too long; try again"))
    }
}
