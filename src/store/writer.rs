//! The one writer of a SQLite file, with group commit.
//!
//! Writers take turns on one connection. What costs most of a small write is to wait until the disk has
//! it, so writers that queue up share one transaction and one such wait: each works between its own
//! savepoints and is answered when the whole group is on disk. A writer that gives up undoes its own
//! part only; if the commit of the group fails, it fails for all of its members, and none was answered
//! before.
//!
//! A member sees what earlier members of its group wrote, although that is not on disk yet. So each is answered
//! when its group is on disk, even one that wrote nothing or refuses: what it says may follow from what it saw.
//!
//! A member that is done queues up again, behind the writers that came meanwhile; the first of them to
//! get its turn finds the group still open and commits it for all.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePoolOptions};
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::time::timeout;

use super::counts::Groups;
use super::{Result, StoreError};

/// How the commit of a group ended; none while it is open.
type Outcome = Option<std::result::Result<(), Arc<StoreError>>>;

/// The writer. Cheap to clone.
#[derive(Clone)]
pub(super) struct Writer {
    state: Arc<Mutex<State>>,
    groups: Arc<Groups>,
    /// How long a writer waits for its turn.
    wait: Duration,
}

struct State {
    /// None once the writer has been closed.
    connection: Option<SqliteConnection>,
    /// Tells the members of the open transaction how it ended.
    group: Option<watch::Sender<Outcome>>,
    /// There is a savepoint whose work has not been declared done.
    undo: bool,
    groups: Arc<Groups>,
}

impl Writer {
    /// A writer on a file.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub async fn open(options: &SqliteConnectOptions, wait: Duration) -> Result<Self> {
        // The pool tries again while another process that starts holds the file.
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        let connection = Some(pool.acquire().await?.detach());
        let groups = Arc::<Groups>::default();
        let state = State { connection, group: None, undo: false, groups: Arc::clone(&groups) };
        Ok(Self { state: Arc::new(Mutex::new(state)), groups, wait })
    }

    /// The connection itself, outside of any transaction: for migrations.
    ///
    /// # Errors
    /// The writer has been closed.
    pub async fn alone(&self) -> Result<Alone> {
        let mut state = Arc::clone(&self.state).lock_owned().await;
        state.end().await;
        state.connection()?;
        Ok(Alone(state))
    }

    /// Begins a transaction, or joins the open one, when it is this writer's turn.
    ///
    /// # Errors
    /// The file is locked by another process, the turn did not come in time, or the store failed.
    pub async fn begin(&self) -> Result<GroupTx> {
        // Who goes away while it waits leaves the queue at once.
        let turn = timeout(self.wait, Arc::clone(&self.state).lock_owned()).await;
        let mut state = turn.map_err(|_| sqlx::Error::PoolTimedOut)?;
        // On a task of its own, so that a caller that goes away leaves no half-made step behind.
        whole(async move {
            state.settle().await;
            if state.group.is_none() {
                state.run("BEGIN IMMEDIATE").await?;
                state.group = Some(watch::Sender::new(None));
            }
            state.run("SAVEPOINT member").await?;
            state.groups.members.add();
            state.undo = true;
            Ok(GroupTx(Some(state)))
        })
        .await
    }

    /// Whether somebody writes.
    pub fn is_busy(&self) -> bool {
        self.state.try_lock().is_err()
    }

    /// What it has committed.
    pub fn groups(&self) -> Arc<Groups> {
        Arc::clone(&self.groups)
    }

    /// Closes the file; what comes later fails.
    pub async fn close(&self) {
        let mut state = self.state.lock().await;
        state.end().await;
        if let Some(mut connection) = state.connection.take() {
            // Afterwards the file alone holds everything, unless another program still has it open.
            if let Err(error) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await {
                tracing::warn!(%error, "the last changes stay in the log beside the SQLite file");
            }
            let _ = connection.close().await;
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer(..)")
    }
}

/// Does work to its end, even if nobody waits for it any more.
async fn whole<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(work).await.map_err(|_| StoreError::Inconsistent("the writer broke off"))?
}

impl State {
    fn connection(&mut self) -> Result<&mut SqliteConnection> {
        self.connection.as_mut().ok_or_else(|| sqlx::Error::PoolClosed.into())
    }

    async fn run(&mut self, sql: &'static str) -> Result<()> {
        self.connection()?.execute(sql).await?;
        Ok(())
    }

    /// Undoes what the last writer left. If that fails, SQLite has undone the whole transaction already
    /// (a full disk, say), and the group has failed.
    async fn settle(&mut self) {
        if !std::mem::take(&mut self.undo) {
            return;
        }
        if self.run("ROLLBACK TO member").await.is_err() || self.run("RELEASE member").await.is_err() {
            let _ = self.run("ROLLBACK").await;
            let why = "SQLite gave up the transaction of the group";
            self.tell(Err(Arc::new(StoreError::Unavailable(sqlx::Error::Io(std::io::Error::other(why))))));
        }
    }

    /// Commits the open transaction for all of its members.
    async fn commit(&mut self) {
        if self.group.is_none() {
            return;
        }
        let outcome = self.run("COMMIT").await;
        self.groups.commits.add();
        if let Err(error) = &outcome {
            tracing::error!(%error, "the commit of a group failed");
            let _ = self.run("ROLLBACK").await;
        }
        self.tell(outcome.map_err(Arc::new));
    }

    async fn end(&mut self) {
        self.settle().await;
        self.commit().await;
    }

    fn tell(&mut self, outcome: std::result::Result<(), Arc<StoreError>>) {
        if let Some(group) = self.group.take() {
            group.send_replace(Some(outcome));
        }
    }
}

/// The part of one writer in a transaction. Dropped without [`GroupTx::end`], it leaves nothing.
pub(super) struct GroupTx(Option<OwnedMutexGuard<State>>);

impl GroupTx {
    /// Ends this part: keeps what it wrote, or undoes it. Then waits until the group is on disk, for even who wrote
    /// nothing has seen what others of the group wrote, and drops what was to be kept until then.
    ///
    /// # Errors
    /// The store failed; then nothing of the group is visible.
    pub async fn end<T: Send + 'static>(mut self, keep: bool, until_then: T) -> Result<()> {
        let Some(state) = self.0.take() else { return Ok(()) };
        whole(async move {
            let _until_then = until_then;
            leave(state, keep).await
        })
        .await
    }
}

async fn leave(mut state: OwnedMutexGuard<State>, keep: bool) -> Result<()> {
    let Some(group) = &state.group else { return Err(failed()) };
    let mut outcome = group.subscribe();
    if keep {
        if let Err(error) = state.run("RELEASE member").await {
            state.end().await;
            return Err(error);
        }
        state.undo = false;
    } else {
        state.settle().await;
    }
    let turn = Arc::clone(OwnedMutexGuard::mutex(&state));
    drop(state);
    let mut watched = outcome.clone();
    let told = async move { watched.wait_for(Option::is_some).await.is_ok() };
    let turn = tokio::select! {
        _ = told => None,
        turn = turn.lock_owned() => Some(turn),
    };
    if let Some(mut state) = turn {
        let open = outcome.borrow().is_none();
        if open {
            state.end().await;
        }
    }
    let ended = outcome.borrow_and_update().clone();
    match ended {
        Some(Ok(())) => Ok(()),
        Some(Err(cause)) => Err(StoreError::Shared(cause)),
        None => Err(failed()),
    }
}

fn failed() -> StoreError {
    StoreError::Inconsistent("the transaction of the group failed")
}

impl Drop for GroupTx {
    fn drop(&mut self) {
        // Nobody may come after this writer, and an open transaction would lock out other processes.
        if let (Some(mut state), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { state.end().await });
        }
    }
}

#[expect(clippy::expect_used, reason = "the state stays until the end, and is handed out with a connection only")]
impl Deref for GroupTx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.0.as_ref().and_then(|s| s.connection.as_ref()).expect("a connection")
    }
}

#[expect(clippy::expect_used, reason = "as above")]
impl DerefMut for GroupTx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.0.as_mut().and_then(|s| s.connection.as_mut()).expect("a connection")
    }
}

/// The connection outside of any transaction.
pub(super) struct Alone(OwnedMutexGuard<State>);

impl Alone {
    /// The connection.
    ///
    /// # Errors
    /// The writer has been closed.
    pub fn connection(&mut self) -> Result<&mut SqliteConnection> {
        self.0.connection()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn writer() -> (tempfile::TempDir, Writer) {
        let dir = tempfile::tempdir().expect("a directory");
        let options = SqliteConnectOptions::new().filename(dir.path().join("t.db")).create_if_missing(true);
        let writer = Writer::open(&options, Duration::from_mins(1)).await.expect("a file");
        let mut alone = writer.alone().await.expect("open");
        let tables = "CREATE TABLE parents (id BIGINT PRIMARY KEY); CREATE TABLE t (id BIGINT PRIMARY KEY, \
                      parent BIGINT REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)";
        alone.connection().expect("open").execute(tables).await.expect("tables");
        drop(alone);
        (dir, writer)
    }

    async fn insert(tx: &mut GroupTx, id: i64, parent: Option<i64>) -> sqlx::Result<()> {
        sqlx::query("INSERT INTO t (id, parent) VALUES ($1, $2)").bind(id).bind(parent).execute(&mut **tx).await?;
        Ok(())
    }

    async fn count(writer: &Writer) -> i64 {
        let mut alone = writer.alone().await.expect("open");
        let count = sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(alone.connection().expect("open")).await;
        count.expect("a count")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn members_that_give_up_leave_nothing_and_the_others_all_they_wrote() {
        let (_dir, writer) = writer().await;
        let members = (0..200).map(|id| {
            let writer = writer.clone();
            tokio::spawn(async move {
                let mut tx = writer.begin().await.expect("a turn");
                insert(&mut tx, id, None).await.expect("a row");
                if id % 3 == 0 {
                    tx.end(true, ()).await.expect("committed");
                } else if id % 3 == 1 {
                    assert!(insert(&mut tx, id, None).await.is_err(), "the same id again");
                }
            })
        });
        for member in members.collect::<Vec<_>>() {
            member.await.expect("a member");
        }
        assert_eq!(count(&writer).await, 67);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_commit_that_fails_fails_for_the_whole_group_and_only_for_it() {
        let (_dir, writer) = writer().await;
        // While this one holds the turn, the others queue up and so become one group.
        let mut first = writer.begin().await.expect("a turn");
        insert(&mut first, 1, Some(99)).await.expect("checked at the end");
        let second = writer.begin();
        let mut second = std::pin::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        let (one, two) = tokio::join!(first.end(true, ()), async {
            let mut tx = second.await?;
            insert(&mut tx, 2, None).await?;
            tx.end(true, ()).await
        });
        assert!(one.is_err(), "its parent does not exist");
        assert!(two.is_err() && count(&writer).await == 0 || two.is_ok() && count(&writer).await == 1);
        let mut tx = writer.begin().await.expect("a turn");
        insert(&mut tx, 3, None).await.expect("a row");
        tx.end(true, ()).await.expect("the next group is fine");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn callers_that_go_away_hold_up_nobody() {
        let (_dir, writer) = writer().await;
        for id in 0..300 {
            let gone = tokio::spawn({
                let writer = writer.clone();
                async move {
                    let mut tx = writer.begin().await?;
                    insert(&mut tx, 1000 + id, None).await?;
                    tx.end(true, ()).await
                }
            });
            for _ in 0..id % 7 {
                tokio::task::yield_now().await;
            }
            gone.abort();
            let mut tx = writer.begin().await.expect("a turn");
            insert(&mut tx, id, None).await.expect("a row");
            tx.end(true, ()).await.expect("committed");
        }
        let mut alone = writer.alone().await.expect("open");
        let kept = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM t WHERE id < 1000");
        assert_eq!(kept.fetch_one(alone.connection().expect("open")).await.expect("a count"), 300);
    }
}
