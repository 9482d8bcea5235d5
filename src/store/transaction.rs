//! An open transaction of either engine, and how it ends.

use super::changes::Guard;
use super::executor::Place;
use super::lease::PgTx;
use super::writer::GroupTx;
use super::{Engine, Result, StoreError};

/// An open transaction of either engine.
pub(super) type Begun = Engine<PgTx, GroupTx>;

impl<'c> From<&'c mut Begun> for Place<'c> {
    fn from(begun: &'c mut Begun) -> Self {
        match begun {
            Engine::Pg(tx) => Self::Lease(tx),
            Engine::Lite(tx) => Self::Lite(tx),
        }
    }
}

/// Ends a transaction: makes it durable, or undoes it. Either way all that it has seen is durable afterwards.
pub(super) async fn end(begun: Begun, changed: Guard, keep: bool) -> Result<()> {
    match begun {
        // PostgreSQL shows nothing that is not durable; what was begun is undone while nobody waits for it.
        Engine::Pg(tx) if !keep => {
            drop(tx);
            Ok(())
        }
        Engine::Pg(tx) => commit(tx, changed).await,
        Engine::Lite(tx) => tx.end(keep, changed).await,
    }
}

/// Commits on a task of its own: once begun, it is not given up because its caller goes away.
async fn commit(tx: PgTx, changed: Guard) -> Result<()> {
    let committed = tokio::spawn(async move {
        let _changed = changed;
        tx.commit().await
    });
    Ok(committed.await.map_err(|_| StoreError::Inconsistent("the commit broke off"))??)
}
