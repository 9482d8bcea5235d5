//! Node numbers and the mark of identifiers (ADR 9).

use super::sql::{query, statement};
use super::{Actor, Result, Store, StoreError, Work};
use crate::clock::Micros;
use crate::ids::{Lent, mark_after};

/// Node numbers: the width of the node in an identifier.
const NODES: i64 = 1 << 16;
/// How long a process keeps its number without a word, in microseconds: an hour, in which no series of
/// restarts comes round to it again.
const LEASE: Micros = 3_600_000_000;

// Locks the row without changing it, so that starts come one after the other.
pub(super) const NODE_LOCK: &str = "UPDATE nodes SET last = last RETURNING last, mark";
pub(super) const NODES_LEASED: &str = "SELECT node FROM node_leases WHERE until > $1";
pub(super) const NODE_TAKE: &str = "UPDATE nodes SET last = $1, mark = $2";
pub(super) const NODE_LEASE: &str = "INSERT INTO node_leases (node, until) VALUES ($1, $2) \
     ON CONFLICT (node) DO UPDATE SET until = excluded.until";
pub(super) const NODES_SWEEP: &str = "DELETE FROM node_leases WHERE until <= $1";
pub(super) const MARK_SET: &str = "UPDATE nodes SET mark = $1 WHERE mark < $1";

impl Store {
    /// How far ahead of the clock the mark of identifiers is kept, in microseconds. It is above what is in
    /// use by so much, and a new process starts above it: on PostgreSQL, where others may be at work, that
    /// is little and written often; a file has one process, whose disk is left in peace.
    pub fn mark_lead(&self) -> Micros {
        if self.is_embedded() { 60_000_000 } else { 3_000_000 }
    }

    /// Lends a node number that no other living process has, and says above which time to begin.
    pub async fn node_take(&self, now: Micros) -> crate::error::Result<Lent> {
        let actor = Actor::new("", "", now);
        let lead = self.mark_lead();
        let work = self.work(actor, async |mut work| {
            let (last, mark) = work.node_held().await?;
            let node = free_after(last, &work.nodes_leased(now).await?);
            work.execute(&statement!(NODE_TAKE; node, mark_after(mark, now, lead))).await?;
            work.execute(&statement!(NODES_SWEEP; now).any()).await?;
            work.execute(&statement!(NODE_LEASE; node, now.saturating_add(LEASE))).await?;
            Ok((node, mark))
        });
        let (node, mark) = work.await?;
        let node = u16::try_from(node).map_err(|_| StoreError::Inconsistent("node number out of range"))?;
        Ok(Lent { node, mark })
    }

    /// Keeps a node number for another hour.
    pub async fn node_keep(&self, node: u16, now: Micros) -> Result<()> {
        self.alone("", &statement!(NODE_LEASE; i64::from(node), now.saturating_add(LEASE))).await.map(drop)
    }

    /// Raises the mark of identifiers; a higher one stays.
    pub async fn mark_set(&self, mark: Micros) -> Result<()> {
        self.alone("", &statement!(MARK_SET; mark).any()).await.map(drop)
    }
}

impl Work {
    async fn node_held(&mut self) -> Result<(i64, Micros)> {
        Ok(self.row(&query!(NODE_LOCK)).await?.ok_or(sqlx::Error::RowNotFound)?)
    }

    async fn nodes_leased(&mut self, now: Micros) -> Result<Vec<i64>> {
        let leased = self.rows::<(i64,)>(&query!(NODES_LEASED; now)).await?;
        Ok(leased.into_iter().map(|(node,)| node).collect())
    }
}

/// The first number after `last` that nobody has, counting round. Should all be taken, the next one:
/// 65,536 living processes on one database there are not.
fn free_after(last: i64, leased: &[i64]) -> i64 {
    let after = |steps: i64| (last + steps).rem_euclid(NODES);
    (1..=NODES).map(after).find(|node| !leased.contains(node)).unwrap_or_else(|| after(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_round_past_those_in_use() {
        assert_eq!(free_after(0, &[]), 1);
        assert_eq!(free_after(65_534, &[]), 65_535);
        assert_eq!(free_after(65_535, &[]), 0);
        assert_eq!(free_after(65_534, &[65_535, 0, 2]), 1);
        let all: Vec<i64> = (0..NODES).filter(|node| *node != 9).collect();
        assert_eq!(free_after(9, &all), 9);
    }
}
