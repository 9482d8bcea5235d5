//! The row that says whether the server has been set up. What setting up means is decided in
//! `service::setup`.

use super::sql::{query, statement};
use super::{Result, Store, Work};
use crate::clock::Micros;

pub(super) const INSTANCE_BY_ID: &str = "SELECT default_org_id, iam_project_id FROM instance WHERE id = 1";
pub(super) const INSTANCE_INSERT: &str = "INSERT INTO instance (id, default_org_id, iam_project_id, created_at) \
     VALUES (1, $1, $2, $3) ON CONFLICT (id) DO NOTHING";

/// The server as it was set up.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct InstanceRow {
    /// The first organization.
    pub default_org_id: String,
    /// The project `ZITADEL`, audience of tokens for the management API itself.
    pub iam_project_id: String,
}

impl InstanceRow {
    /// What stands for the instance where an owner is named. It has no id of its own; that of its project never
    /// changes and is of nothing else that owns something.
    pub fn id(&self) -> &str {
        &self.iam_project_id
    }
}

impl Store {
    /// The server's own row; none before it has been set up.
    pub async fn instance(&self) -> Result<Option<InstanceRow>> {
        self.row(&query!(INSTANCE_BY_ID)).await
    }
}

impl Work {
    /// Claims the right to set up the server. False if another process has done so; waits for one
    /// that is at it.
    pub async fn instance_claim(&mut self, org_id: &str, project_id: &str, now: Micros) -> Result<bool> {
        Ok(self.execute(&statement!(INSTANCE_INSERT; org_id, project_id, now).any()).await? == 1)
    }
}
