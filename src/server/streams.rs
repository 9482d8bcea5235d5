//! The streams of HTTP/2 connections. A client decides by its windows how much of an answer it takes;
//! one that takes nothing keeps the answer, and all that belongs to it, in our memory. So each stream
//! that waits for room has a deadline, and is reset when it has passed; others of its connection go on.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

tokio::task_local! {
    /// What the body of the stream at hand did when it was last asked, if it was asked at all.
    static HANDED_OVER: Cell<Option<bool>>;
}

/// Noted by a body: it was asked for a piece and has none yet, or it has handed one over. Until it is
/// asked again, the stream waits for room.
pub(super) fn handed_over(piece: bool) {
    // HTTP/1 has no streams; there the socket shows what is not taken.
    let _ = HANDED_OVER.try_with(|said| said.set(Some(piece)));
}

/// Runs the streams of connections, each with a deadline for handing its answer over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    /// How long a stream may wait for room.
    pub(super) write: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    fn execute(&self, stream: F) {
        tokio::spawn(bounded(stream, self.write));
    }
}

/// The stream, dropped when it has waited for room for so long; h2 then resets it.
async fn bounded<F: Future<Output = ()>>(stream: F, write: Duration) {
    let mut stream = pin!(stream);
    let mut waits = false;
    // Made only where a stream has to wait: most never do.
    let mut deadline = None;
    poll_fn(|cx| {
        let (state, said) = HANDED_OVER.sync_scope(Cell::new(None), || {
            let state = stream.as_mut().poll(cx);
            (state, HANDED_OVER.with(Cell::get))
        });
        if state.is_ready() {
            return Poll::Ready(());
        }
        if let Some(said) = said {
            waits = said;
            deadline = None;
        }
        if !waits {
            return Poll::Pending;
        }
        deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(write))).as_mut().poll(cx)
    })
    .await;
}
