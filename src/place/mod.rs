//! A place among the requests in work, and giving it back while a request only waits.
//!
//! There are few places (`server.max_concurrent_requests`). Work is what they are for: a request that
//! waits for something which others make, such as a key pair, would keep a place from those who have
//! something to do.

mod queue;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

pub use queue::{Place, Places};

tokio::task_local! {
    /// The place of the request at hand; none while it is away.
    static HELD: Cell<Option<Place>>;
}

/// Does the work of a request that has a place, and gives the place back at its end.
pub async fn held<T>(place: Place, work: impl Future<Output = T>) -> T {
    HELD.scope(Cell::new(Some(place)), work).await
}

/// Waits without a place: what is there at once costs nothing, otherwise the place goes to others and
/// a new one is taken when the wait is over. If none can be had, the work goes on without: what it waited for is
/// there already. Outside of [`held`], only waits.
pub async fn away<T>(wait: impl Future<Output = T>) -> T {
    let mut wait = pin!(wait);
    if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(wait.as_mut().poll(cx))).await {
        return done;
    }
    let left = HELD.try_with(Cell::take).ok().flatten().and_then(Place::leave);
    let done = wait.await;
    if let Some((places, peer)) = left {
        let place = places.take(peer).await.ok();
        let _ = HELD.try_with(|held| held.set(place));
    }
    done
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::peer::Peer;

    const PEER: Peer = Peer { network: 1, connection: 1 };

    async fn within<T>(places: &Places, work: impl Future<Output = T>) -> T {
        held(places.take(PEER).await.expect("room in the queue"), work).await
    }

    #[tokio::test]
    async fn who_waits_holds_no_place_and_takes_one_again() {
        let places = Places::new(1, 8);
        let (give, given) = oneshot::channel::<()>();
        let (seen, mut see) = oneshot::channel::<usize>();
        let all = places.clone();
        let waiter = within(&places, async move {
            let done = away(given).await;
            let _ = seen.send(all.level().0);
            done
        });
        // The other one gets the only place, although the first one has not finished.
        let other = within(&places, async {
            give.send(()).expect("the first one waits");
        });
        let (done, ()) = tokio::join!(waiter, other);
        done.expect("it was given");
        assert_eq!(see.try_recv().expect("it went on"), 1, "with a place");
        assert_eq!(places.level(), (0, 0));
    }

    #[tokio::test]
    async fn what_is_there_at_once_does_not_cost_the_place() {
        let places = Places::new(1, 8);
        let taken = within(&places, async { away(async { places.level().0 }).await }).await;
        assert_eq!(taken, 1);
    }

    #[tokio::test]
    async fn who_goes_away_for_good_leaves_no_place_behind() {
        let places = Places::new(1, 8);
        let mut gone = Box::pin(within(&places, away(std::future::pending::<()>())));
        assert!(poll_fn(|cx| Poll::Ready(gone.as_mut().poll(cx))).await.is_pending());
        assert_eq!(places.level(), (0, 0));
        drop(gone);
        assert_eq!(places.level(), (0, 0));
        away(async {}).await;
    }
}
