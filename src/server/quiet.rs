//! Warnings that a stranger can cause as often as he likes: at most one a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// One kind of warning.
#[derive(Debug, Default)]
pub(super) struct Quiet(Mutex<(Option<Instant>, u64)>);

impl Quiet {
    /// Whether to say it now: if so, how many were held back since the last time.
    pub(super) fn due(&self) -> Option<u64> {
        self.due_at(Instant::now())
    }

    fn due_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0.is_some_and(|last| now.duration_since(last) < PAUSE) {
            state.1 += 1;
            return None;
        }
        state.0 = Some(now);
        Some(std::mem::take(&mut state.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_second_with_a_count_of_the_others() {
        let (quiet, start) = (Quiet::default(), Instant::now());
        let after = |millis| quiet.due_at(start + Duration::from_millis(millis));
        assert_eq!(after(0), Some(0));
        for millis in 1..=999 {
            assert_eq!(after(millis), None, "{millis}");
        }
        assert_eq!(after(1000), Some(999));
        assert_eq!(after(1500), None);
        assert_eq!(after(5000), Some(1));
    }
}
