//! Whether the store can serve, and its end: both are bounded, whatever the database does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::link::silent;
use super::sql::query;
use super::{Engine, Result, Store, StoreError};

/// How long the readiness probe waits. With what is around it, an answer takes less than a second.
const READY: Duration = Duration::from_millis(900);

/// How long the end waits for work that has not ended.
const CLOSE: Duration = Duration::from_secs(5);

/// Asks for nothing but an answer.
pub(super) const PING: &str = "SELECT CAST(1 AS BIGINT)";

impl Store {
    /// Whether the store answers and takes writes, for the readiness probe. Known within a second.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<()> {
        let asked = async {
            match &self.state {
                Engine::Pg(link) => Ok(link.writable().await?),
                Engine::Lite(path) => self.file_writable(path.clone()).await,
            }
        };
        match timeout(READY, asked).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => {
                Err(StoreError::Unavailable(sqlx::Error::Io(std::io::ErrorKind::ReadOnlyFilesystem.into())))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(silent(READY).into()),
        }
    }

    /// Closes all connections. Transactions that are open finish first, but the end waits for them no
    /// longer than its deadline.
    pub async fn close(&self) {
        if let Engine::Pg(link) = &self.state {
            link.close();
        }
        // The writer of a SQLite file goes last: a reader could not bring everything into the file.
        let both = async {
            match &self.read {
                Engine::Pg(pool) => pool.close(CLOSE).await,
                Engine::Lite(pool) => pool.close().await,
            }
            match &self.write {
                Engine::Pg(writers) => writers.pool.close(CLOSE).await,
                Engine::Lite(writer) => writer.close().await,
            }
        };
        if timeout(3 * CLOSE, both).await.is_err() {
            tracing::warn!("the database did not end in time; what was not committed is lost");
        }
    }
    /// Whether the file answers and can be opened for writing. The file system may hang, so it is asked on a
    /// thread that may.
    async fn file_writable(&self, path: Option<Arc<Path>>) -> Result<bool> {
        let Some(path) = path else { return Ok(self.scalar::<i64>(&query!(PING)).await?.is_some()) };
        let opened = tokio::task::spawn_blocking(move || std::fs::OpenOptions::new().write(true).open(path).is_ok());
        self.scalar::<i64>(&query!(PING)).await?;
        Ok(opened.await.unwrap_or(false))
    }
}
