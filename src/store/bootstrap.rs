//! The row that says whether the server has been set up. What setting up means is decided in
//! `service::setup`.

use serde::Serialize;

use super::sql::{locking, query, statement};
use super::{Change, Event, EventKind, Recorded, Result, Sql, Statement, Store, Work};
use crate::clock::Micros;

/// Asked of schemas of any age.
pub(super) const INSTANCE_MADE: &str = "SELECT id FROM instance WHERE id = 1";
macro_rules! by_id {
    () => {
        "SELECT instance_id, default_org_id, iam_project_id, created_at FROM instance WHERE id = 1"
    };
}
pub(super) const INSTANCE_BY_ID: &str = by_id!();
/// Any number of writers can rely on it at once; who changes it waits for them.
pub(super) const INSTANCE_KEPT: Sql = Sql { pg: concat!(by_id!(), " FOR SHARE"), lite: by_id!() };
pub(super) const INSTANCE_LOCK: Sql = locking!(by_id!());
pub(super) const INSTANCE_SET_DEFAULT: &str = "UPDATE instance SET default_org_id = $1 WHERE id = 1";
pub(super) const INSTANCE_INSERT: &str = "INSERT INTO instance \
     (id, instance_id, default_org_id, iam_project_id, created_at) VALUES (1, $1, $2, $3, $4) ON CONFLICT (id) DO NOTHING";

/// The server as it was set up.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct InstanceRow {
    /// Its identifier, below all others that the server gave.
    pub instance_id: String,
    /// The default organization; the first one, unless another was chosen.
    pub default_org_id: String,
    /// The project `ZITADEL`, audience of tokens for the management API itself.
    pub iam_project_id: String,
    /// When the server was set up.
    pub created_at: Micros,
}

impl Store {
    /// Whether the server has been set up; of schemas of any age.
    pub async fn is_set_up(&self) -> Result<bool> {
        Ok(self.scalar::<i64>(&query!(INSTANCE_MADE)).await?.is_some())
    }

    /// The server's own row; none before it has been set up.
    pub async fn instance(&self) -> Result<Option<InstanceRow>> {
        self.row(&query!(INSTANCE_BY_ID)).await
    }
}

impl Work {
    /// The server's own row, which stays as it is until the unit of work ends.
    pub async fn instance_kept(&mut self) -> Result<Option<InstanceRow>> {
        self.row(&query!(INSTANCE_KEPT)).await
    }

    /// The server's own row, locked until the unit of work ends.
    pub async fn instance_held(&mut self) -> Result<Option<InstanceRow>> {
        self.row(&query!(INSTANCE_LOCK)).await
    }

    /// Claims the right to set up the server. False if another process has done so; waits for one
    /// that is at it.
    pub async fn instance_claim(&mut self, id: &str, org_id: &str, project_id: &str, now: Micros) -> Result<bool> {
        Ok(self.execute(&statement!(INSTANCE_INSERT; id, org_id, project_id, now).any()).await? == 1)
    }
}

/// Another organization becomes the default one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DefaultOrgSet<'a> {
    /// The organization.
    pub org_id: &'a str,
}

impl Change for DefaultOrgSet<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::DefaultOrgSet, self)]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(INSTANCE_SET_DEFAULT; self.org_id)]
    }
}
