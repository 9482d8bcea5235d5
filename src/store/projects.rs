//! Projects.

use serde::Serialize;
use sqlx::FromRow;

use super::events::Nothing;
use super::filter::push_any_of;
use super::held::lock;
use super::lists::{Source, paged};
use super::project_grant_changes::PROJECT_GRANTS_DELETE;
use super::sql::{keeping, query, statement};
use super::texts::fold;
use super::{
    AggregateKind, Change, Event, EventKind, Held, Listed, Page, ProjectAt, ProjectRow, Recorded, Result, Sql, State,
    Statement, Store, TextFilter, Work,
};
use crate::clock::Micros;

/// What a caller can set on a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectValues {
    /// Name as given.
    pub name: String,
    /// Roles are put into tokens.
    #[serde(rename = "projectRoleAssertion")]
    pub role_assertion: bool,
    /// Users need a role to use it.
    #[serde(rename = "projectRoleCheck")]
    pub role_check: bool,
    /// Organizations need a grant to use it.
    pub has_project_check: bool,
    /// Number of `PrivateLabelingSetting`.
    #[serde(rename = "privateLabelingSetting")]
    pub private_labeling: i64,
}

/// A project, and whose it is.
#[derive(Debug, Clone, FromRow)]
pub struct OwnedProjectRow {
    /// Its organization.
    pub org_id: String,
    /// The project.
    #[sqlx(flatten)]
    pub row: ProjectRow,
}

macro_rules! columns {
    () => {
        $crate::store::projects::columns!("p.id", "p")
    };
    // Id and dates are those of another table.
    ($id:literal, $dates:literal) => {
        concat!(
            $id,
            " AS id, p.name, p.state, p.role_assertion, p.role_check, p.has_project_check, p.private_labeling, ",
            $dates,
            ".sequence, ",
            $dates,
            ".created_at, ",
            $dates,
            ".changed_at"
        )
    };
}

pub(super) use columns;

pub(super) const PROJECT_BY_ID: &str =
    concat!("SELECT ", columns!(), " FROM projects p WHERE p.org_id = $1 AND p.id = $2");
pub(super) const PROJECT_ORG: &str = "SELECT p.org_id FROM projects p WHERE p.id = $1 \
     AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = p.org_id AND o.state <> 3)";
pub(super) const PROJECT_FOUND: &str = concat!(
    "SELECT p.org_id, ",
    columns!(),
    " FROM projects p WHERE p.id = $1 \
     AND EXISTS (SELECT 1 FROM organizations o WHERE o.id = p.org_id AND o.state <> 3)"
);
// The first event of a project says that there is or was one; the aggregate stays, and says when it went.
pub(super) const PROJECT_EVER: &str = "SELECT g.changed_at FROM events e JOIN aggregates g ON g.org_id = e.org_id \
     AND g.kind = e.aggregate_kind AND g.id = e.aggregate_id WHERE e.aggregate_id = $1 AND e.aggregate_kind = 'project' \
     AND e.sequence = 1";
pub(super) const PROJECT_NAME_TAKEN: &str = "SELECT id FROM projects WHERE org_id = $1 AND name_folded = $2";
pub(super) const PROJECT_INSERT: &str = "INSERT INTO projects (org_id, id, name, name_folded, state, role_assertion, \
     role_check, has_project_check, private_labeling, sequence, created_at, changed_at) \
     VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $10)";
pub(super) const PROJECT_UPDATE: &str = "UPDATE projects SET name = $3, name_folded = $4, role_assertion = $5, \
     role_check = $6, has_project_check = $7, private_labeling = $8, sequence = $9, changed_at = $10 \
     WHERE org_id = $1 AND id = $2";
pub(super) const PROJECT_SET_STATE: &str =
    "UPDATE projects SET state = $3, sequence = $4, changed_at = $5 WHERE org_id = $1 AND id = $2";
// Applications, keys, roles and members go with it; grants must have gone before.
pub(super) const PROJECT_DELETE: &str = "DELETE FROM projects WHERE org_id = $1 AND id = $2";
pub(super) const PROJECT_LOCK: Sql =
    lock!(concat!(", ", columns!()), "JOIN projects p ON p.org_id = g.org_id AND p.id = g.id WHERE 1 = 1");
pub(super) const PROJECT_LOCK_TO_END: Sql =
    lock!(ending, concat!(", ", columns!()), "JOIN projects p ON p.org_id = g.org_id AND p.id = g.id WHERE 1 = 1");
pub(super) const PROJECT_KEPT: Sql = keeping!("SELECT id FROM projects WHERE org_id = $1 AND id = $2");

impl Store {
    /// The organization of a project; none if there is no such project.
    pub async fn org_of_project(&self, id: &str) -> Result<Option<String>> {
        self.scalar(&query!(PROJECT_ORG; id)).await
    }

    /// A project of the organization.
    pub async fn project_by_id(&self, org_id: &str, id: &str) -> Result<Option<ProjectRow>> {
        self.row(&query!(PROJECT_BY_ID; org_id, id)).await
    }

    /// A project, of whatever organization.
    pub async fn project_found(&self, id: &str) -> Result<Option<OwnedProjectRow>> {
        self.row(&query!(PROJECT_FOUND; id)).await
    }

    /// The time of the last event of a project that there is or was, in whatever organization.
    pub async fn project_ever(&self, id: &str) -> Result<Option<Micros>> {
        self.scalar(&query!(PROJECT_EVER; id)).await
    }

    /// Projects of the organization; with `only`, no others than these.
    pub async fn project_search(
        &self,
        org_id: &str,
        filters: &[TextFilter],
        owner: Option<&str>,
        only: Option<&[String]>,
        page: Page,
    ) -> Result<Listed<ProjectRow>> {
        let mut query = self.builder(concat!("WITH f AS (SELECT ", columns!(), " FROM projects p WHERE org_id = "));
        query.bind(org_id);
        for filter in filters {
            filter.push(query.push(" AND "), "name");
        }
        if let Some(owner) = owner {
            query.push(" AND org_id = ").bind(owner);
        }
        if let Some(only) = only {
            push_any_of(query.push(" AND "), "id", only);
        }
        paged(&mut query, Source { org_id, kind: AggregateKind::Project, id: None }, "id", page);
        self.list(&query.build(filters.is_empty())).await
    }
}

impl Work {
    /// Locks a project; none if there is no such project.
    pub async fn project_held(&mut self, at: ProjectAt<'_>) -> Result<Option<Held<'_, ProjectRow>>> {
        self.hold(PROJECT_LOCK, AggregateKind::Project, [at.org_id, at.id], None).await
    }

    /// As [`Work::project_held`], for a project that is going to be removed.
    pub async fn project_held_to_end(&mut self, at: ProjectAt<'_>) -> Result<Option<Held<'_, ProjectRow>>> {
        self.hold(PROJECT_LOCK_TO_END, AggregateKind::Project, [at.org_id, at.id], None).await
    }

    /// Whether there is such a project; it stays until the unit of work ends.
    pub async fn project_kept(&mut self, at: ProjectAt<'_>) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(PROJECT_KEPT; at.org_id, at.id)).await?.is_some())
    }

    /// The organization of a project; none if there is no such project.
    pub async fn project_org(&mut self, id: &str) -> Result<Option<String>> {
        self.scalar(&query!(PROJECT_ORG; id)).await
    }

    /// Whether any organization has or had this project.
    pub async fn project_was(&mut self, id: &str) -> Result<bool> {
        Ok(self.scalar::<Micros>(&query!(PROJECT_EVER; id)).await?.is_some())
    }

    /// Whether the organization has a project of this name, in whatever case.
    pub async fn project_name_taken(&mut self, org_id: &str, name: &str) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(PROJECT_NAME_TAKEN; org_id, fold(name))).await?.is_some())
    }

    /// Whether any organization has this project.
    pub async fn project_exists(&mut self, id: &str) -> Result<bool> {
        Ok(self.scalar::<String>(&query!(PROJECT_ORG; id)).await?.is_some())
    }
}

/// A new, active project.
#[derive(Debug)]
pub struct ProjectAdded<'a> {
    /// Where it will be.
    pub at: ProjectAt<'a>,
    /// What it says.
    pub values: &'a ProjectValues,
}

impl Change for ProjectAdded<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::ProjectAdded, self.values)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let values = self.values;
        vec![statement!(
            PROJECT_INSERT; self.at.org_id, self.at.id, &values.name, fold(&values.name), values.role_assertion,
            values.role_check, values.has_project_check, values.private_labeling, event.sequence, event.at,
        )]
    }
}

/// A project says something else.
#[derive(Debug)]
pub struct ProjectChanged<'a> {
    /// Where it is.
    pub at: ProjectAt<'a>,
    /// What it says from now on.
    pub values: &'a ProjectValues,
}

impl Change for ProjectChanged<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::ProjectChanged, self.values)]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        let values = self.values;
        vec![statement!(
            PROJECT_UPDATE; self.at.org_id, self.at.id, &values.name, fold(&values.name), values.role_assertion,
            values.role_check, values.has_project_check, values.private_labeling, event.sequence, event.at,
        )]
    }
}

/// A project is switched on or off.
#[derive(Debug)]
pub struct ProjectSwitched<'a> {
    /// Where it is.
    pub at: ProjectAt<'a>,
    /// Its state from now on.
    pub state: State,
}

impl Change for ProjectSwitched<'_> {
    fn events(&self) -> Vec<Event> {
        let kind = match self.state {
            State::Active => EventKind::ProjectReactivated,
            State::Inactive => EventKind::ProjectDeactivated,
        };
        vec![Event::new(kind, &Nothing {})]
    }

    fn rows(&self, event: &Recorded) -> Vec<Statement<'_>> {
        vec![statement!(PROJECT_SET_STATE; self.at.org_id, self.at.id, self.state.number(), event.sequence, event.at)]
    }
}

/// A project goes, with its applications, keys, roles, members and project grants. User grants must have gone before;
/// events stay.
#[derive(Debug, Serialize)]
pub struct ProjectRemoved<'a> {
    /// Where it was.
    #[serde(skip)]
    pub at: ProjectAt<'a>,
    /// Its name.
    pub name: &'a str,
}

impl Change for ProjectRemoved<'_> {
    fn events(&self) -> Vec<Event> {
        vec![Event::new(EventKind::ProjectRemoved, self)]
    }

    fn rows(&self, _event: &Recorded) -> Vec<Statement<'_>> {
        // Its grants first: they refer to its roles, which go with the project.
        let grants = statement!(PROJECT_GRANTS_DELETE; self.at.org_id, self.at.id).any();
        vec![grants, statement!(PROJECT_DELETE; self.at.org_id, self.at.id)]
    }
}
