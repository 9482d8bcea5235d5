//! A place among the requests in work, and giving it back while a request only waits.
//!
//! There are few places (`server.max_concurrent_requests`). Work is what they are for: a request that
//! waits for something which others make, such as a key pair, would keep a place from those who have
//! something to do.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

tokio::task_local! {
    static HELD: Held;
}

/// The place of the request at hand; none while it is away.
struct Held {
    places: Arc<Semaphore>,
    place: Cell<Option<OwnedSemaphorePermit>>,
}

/// Does the work once there is a place, and holds the place meanwhile.
pub async fn within<T>(places: &Arc<Semaphore>, work: impl Future<Output = T>) -> T {
    let places = Arc::clone(places);
    // Nobody closes the places.
    let place = Cell::new(Arc::clone(&places).acquire_owned().await.ok());
    HELD.scope(Held { places, place }, work).await
}

/// Waits without a place: what is there at once costs nothing, otherwise the place goes to others and
/// a new one is taken when the wait is over. Outside of [`within`], only waits.
pub async fn away<T>(wait: impl Future<Output = T>) -> T {
    let mut wait = pin!(wait);
    if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx))).await {
        return done;
    }
    let left = HELD.try_with(|held| held.place.take().map(|_place| Arc::clone(&held.places))).ok().flatten();
    let done = wait.await;
    if let Some(places) = left {
        let place = places.acquire_owned().await.ok();
        let _ = HELD.try_with(|held| held.place.set(place));
    }
    done
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn who_waits_holds_no_place_and_takes_one_again() {
        let places = Arc::new(Semaphore::new(1));
        let (give, given) = oneshot::channel::<()>();
        let (seen, mut see) = oneshot::channel::<usize>();
        let all = Arc::clone(&places);
        let waiter = within(&places, async move {
            let done = away(given).await;
            let _ = seen.send(all.available_permits());
            done
        });
        // The other one gets the only place, although the first one has not finished.
        let other = within(&places, async {
            give.send(()).expect("the first one waits");
        });
        let (done, ()) = tokio::join!(waiter, other);
        done.expect("it was given");
        assert_eq!(see.try_recv().expect("it went on"), 0, "with a place");
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn what_is_there_at_once_does_not_cost_the_place() {
        let places = Arc::new(Semaphore::new(1));
        let free = within(&places, async { away(async { places.available_permits() }).await }).await;
        assert_eq!(free, 0);
    }

    #[tokio::test]
    async fn who_goes_away_for_good_leaves_no_place_behind() {
        let places = Arc::new(Semaphore::new(1));
        let mut gone = Box::pin(within(&places, away(std::future::pending::<()>())));
        assert!(poll_fn(|cx| Poll::Ready(gone.as_mut().poll(cx))).await.is_pending());
        assert_eq!(places.available_permits(), 1);
        drop(gone);
        assert_eq!(places.available_permits(), 1);
        away(async {}).await;
    }
}
