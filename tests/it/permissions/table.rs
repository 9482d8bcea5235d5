//! The copy of the contract's tables, and what follows from them.

use std::sync::LazyLock;

pub static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("../../golden/permissions.txt")));

/// Refusals of version 2 for a member without the permission; the contract does not tell for each RPC which.
const DENIED: &[&str] = &["AUTH-AWfge", "AUTH-Swrgg2"];

/// What is said of an organization that is not there.
pub const NOWHERE: Outcome = Outcome::Refused(&["AUTH-Bs7Ds"]);

/// What is said to a member without the permission for an object of version 2.
pub const LIMITED: Outcome = Outcome::Refused(DENIED);

const NO_ROLE: Outcome = Outcome::Refused(&["AUTHZ-cdgFk"]);

/// What comes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// No refusal for a lack of rights.
    Allowed,
    /// Refused with one of these ids.
    Refused(&'static [&'static str]),
}

/// What a role is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Instance,
    Org,
    Project,
    Grant,
}

/// By how the role is called, as the contract says.
pub fn kind_of(role: &str) -> Kind {
    match role {
        _ if role.starts_with("SYSTEM") || role.starts_with("IAM") => Kind::Instance,
        _ if role.starts_with("PROJECT_GRANT") => Kind::Grant,
        _ if role.starts_with("PROJECT") => Kind::Project,
        _ => Kind::Org,
    }
}

/// The organization of a call, or of what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// That of the project: where roles are held, but those for the project grant.
    Own,
    /// To which the project is granted: where roles for the project grant are held.
    Granted,
    /// Another one.
    Other,
}

pub const PLACES: [Place; 3] = [Place::Own, Place::Granted, Place::Other];

pub struct Table {
    /// Names and permissions of the roles.
    pub roles: Vec<(&'static str, Vec<&'static str>)>,
    v1: Vec<Line1>,
    v2: Vec<Line2>,
    /// Role, and what is different on purpose.
    pub intended: Vec<(&'static str, &'static str)>,
}

/// An RPC of version 1.
#[derive(Clone, Copy)]
pub struct Line1 {
    full: &'static str,
    permission: &'static str,
    /// The field of the request that limited roles are compared with, or `-`.
    pub context: &'static str,
}

/// An RPC of version 2.
#[derive(Clone, Copy)]
pub struct Line2 {
    full: &'static str,
    permission: &'static str,
    /// On what the permission is looked up.
    pub about: &'static str,
    /// Of a list: what it shows to those who may see it.
    pub shows: &'static str,
    pub request: &'static str,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let mut table = Self { roles: Vec::new(), v1: Vec::new(), v2: Vec::new(), intended: Vec::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let parts: Vec<&'static str> = line.split(" | ").collect();
            match parts[..] {
                [role, what, _reason] if role.starts_with("! ") => table.intended.push((&role[2..], what)),
                [role] => {
                    let (role, permissions) = role.split_once(':').expect("a role and its permissions");
                    table.roles.push((role, permissions.split_whitespace().collect()));
                }
                [full, permission, context] => table.v1.push(Line1 { full, permission, context }),
                [full, permission, about, request] => {
                    let (about, shows) = about.split_once(' ').unwrap_or((about, ""));
                    table.v2.push(Line2 { full, permission, about, shows, request });
                }
                _ => panic!("{line}"),
            }
        }
        table
    }

    pub fn v1(&self, full: &str) -> Option<Line1> {
        self.v1.iter().find(|line| line.full == full).copied()
    }

    pub fn v2(&self, full: &str) -> Option<Line2> {
        self.v2.iter().find(|line| line.full == full).copied()
    }

    fn intends(&self, role: &str, what: &str) -> bool {
        self.intended.contains(&(role, what))
    }

    /// Whether a role has a permission: wholly, and at least for the project `self`, which is none.
    fn carries(&self, role: &str, permission: &str) -> (bool, bool) {
        let held = &self.roles.iter().find(|(name, _)| *name == role).expect("a role of the table").1;
        let limited = held.iter().any(|p| p.strip_suffix(":self") == Some(permission));
        (self.intends(role, permission) || held.contains(&permission), limited)
    }

    /// Whether the roles of somebody are looked at in an organization.
    fn counts_at(&self, role: &str, place: Place) -> bool {
        match kind_of(role) {
            Kind::Instance => true,
            Kind::Org | Kind::Project => place == Place::Own,
            Kind::Grant => place == Place::Granted || (place == Place::Own && !self.intends(role, "home")),
        }
    }
}

impl Line1 {
    /// What comes of it, where the field that limits names the project or grant of the role, or another one.
    pub fn outcome(&self, role: &str, place: Place, own: bool) -> Outcome {
        if self.permission == "authenticated" {
            return Outcome::Allowed;
        }
        if !TABLE.counts_at(role, place) {
            return NO_ROLE;
        }
        let kind = kind_of(role);
        match TABLE.carries(role, self.permission) {
            (false, false) => Outcome::Refused(&["AUTH-5mWD2"]),
            _ if self.context == "-" => Outcome::Allowed,
            (true, _) if matches!(kind, Kind::Instance | Kind::Org) => Outcome::Allowed,
            (true, _) if own && (kind == Kind::Grant) == (self.context == "GrantId") => Outcome::Allowed,
            _ => Outcome::Refused(&["AUTH-3jknH"]),
        }
    }
}

impl Line2 {
    /// What comes of it for an object of that place.
    pub fn outcome(&self, role: &str, place: Place) -> Outcome {
        match self.about {
            // Everybody here has a role somewhere.
            "list" => return Outcome::Allowed,
            "head" => {
                return Line1 { full: self.full, permission: self.permission, context: "-" }.outcome(role, place, true);
            }
            _ => {}
        }
        if !TABLE.counts_at(role, place) {
            return NO_ROLE;
        }
        let whole = matches!(kind_of(role), Kind::Instance | Kind::Org);
        let reaches = whole || (kind_of(role) == Kind::Project && self.about == "project");
        if TABLE.carries(role, self.permission).0 && reaches {
            return Outcome::Allowed;
        }
        LIMITED
    }

    /// Of a list: whether it shows the object of that place.
    pub fn shows_it(&self, role: &str, place: Place) -> bool {
        let carries = |permission| TABLE.carries(role, permission).0;
        let of_project = !["{user", "{org}", "seen-"].iter().any(|what| self.shows.starts_with(what));
        match kind_of(role) {
            Kind::Instance => carries(self.permission),
            Kind::Org => carries(self.permission) && place == Place::Own,
            Kind::Project => carries(self.permission) && place == Place::Own && of_project,
            // The project that is granted shows as such.
            Kind::Grant => self.shows == "{project}" && carries("project.grant.read") && place == Place::Own,
        }
    }

    /// Whether there is such an object: only the project of one place is granted.
    pub fn is_there(&self, place: Place) -> bool {
        !self.full.ends_with("/ListProjectGrants") || place == Place::Own
    }
}
