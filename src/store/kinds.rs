//! Kinds of events: what happened, as the audit trail names it.

/// Makes the enum, the names in the table and the list of all.
macro_rules! kinds {
    ($($kind:ident = $name:literal, $text:literal;)+) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum EventKind {
            $(#[doc = $text] $kind,)+
        }

        impl EventKind {
            /// The kind of that name.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)+
                    _ => None,
                }
            }

            /// Its name in the table and on the wire (contract, messages: change).
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// What a person reads, in English.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$kind => $text,)+
                }
            }
        }
    };
}

kinds! {
    InstanceMemberAdded = "instance.member.added", "Instance member added";
    InstanceMemberChanged = "instance.member.changed", "Instance member changed";
    InstanceMemberRemoved = "instance.member.removed", "Instance member removed";
    SigningKeyAdded = "web_key.added", "Signing key added";
    SigningKeyActivated = "web_key.activated", "Signing key activated";
    SigningKeyDeactivated = "web_key.deactivated", "Signing key deactivated";
    SigningKeyRemoved = "web_key.removed", "Signing key removed";
    OrgAdded = "org.added", "Organization added";
    OrgChanged = "org.changed", "Organization changed";
    OrgDomainAdded = "org.domain.added", "Domain added";
    OrgDomainVerified = "org.domain.verified", "Domain verified";
    OrgDomainPrimarySet = "org.domain.primary.set", "Organization Domain set";
    OrgDomainRemoved = "org.domain.removed", "Domain removed";
    OrgMemberAdded = "org.member.added", "Organization member added";
    OrgMemberChanged = "org.member.changed", "Organization member changed";
    OrgMemberRemoved = "org.member.removed", "Organization member removed";
    ProjectAdded = "project.added", "Project added";
    ProjectChanged = "project.changed", "Project changed";
    ProjectDeactivated = "project.deactivated", "Project deactivated";
    ProjectReactivated = "project.reactivated", "Project reactivated";
    ProjectRemoved = "project.removed", "Project removed";
    RoleAdded = "project.role.added", "Project role added";
    RoleChanged = "project.role.changed", "Project role changed";
    RoleRemoved = "project.role.removed", "Project role removed";
    ProjectMemberAdded = "project.member.added", "Project member added";
    ProjectMemberChanged = "project.member.changed", "Project member changed";
    ProjectMemberRemoved = "project.member.removed", "Project member removed";
    ProjectGrantAdded = "project.grant.added", "Management access added";
    ProjectGrantChanged = "project.grant.changed", "Management access changed";
    ProjectGrantCascadeChanged = "project.grant.cascade.changed", "Management access changed";
    ProjectGrantDeactivated = "project.grant.deactivated", "Management access deactivated";
    ProjectGrantReactivated = "project.grant.reactivated", "Management access reactivated";
    ProjectGrantRemoved = "project.grant.removed", "Management access removed";
    ProjectGrantMemberAdded = "project.grant.member.added", "Management access member added";
    ProjectGrantMemberChanged = "project.grant.member.changed", "Management access member changed";
    ProjectGrantMemberRemoved = "project.grant.member.removed", "Management access member removed";
    AppAdded = "project.application.added", "Application added";
    AppChanged = "project.application.changed", "Application changed";
    AppDeactivated = "project.application.deactivated", "Application deactivated";
    AppReactivated = "project.application.reactivated", "Application reactivated";
    AppRemoved = "project.application.removed", "Application removed";
    ApiConfigAdded = "project.application.config.api.added", "API Configuration added";
    ApiConfigChanged = "project.application.config.api.changed", "API Configuration changed";
    ApiSecretChanged = "project.application.config.api.secret.changed", "API secret changed";
    OidcConfigAdded = "project.application.config.oidc.added", "OIDC Configuration added";
    OidcConfigChanged = "project.application.config.oidc.changed", "OIDC Configuration changed";
    OidcSecretChanged = "project.application.config.oidc.secret.changed", "OIDC secret changed";
    AppKeyAdded = "project.application.oidc.key.added", "OIDC Application Key added";
    AppKeyRemoved = "project.application.oidc.key.removed", "OIDC Application Key removed";
    MachineAdded = "user.machine.added", "Technical user added";
    MachineChanged = "user.machine.changed", "Technical user changed";
    MachineSecretSet = "user.machine.secret.set", "Secret set";
    MachineSecretRemoved = "user.machine.secret.removed", "Secret removed";
    MachineKeyAdded = "user.machine.key.added", "Key added";
    MachineKeyRemoved = "user.machine.key.removed", "Key removed";
    PatAdded = "user.pat.added", "Personal Access Token added";
    PatRemoved = "user.pat.removed", "Personal Access Token removed";
    UserNameChanged = "user.username.changed", "Username changed";
    UserDeactivated = "user.deactivated", "User deactivated";
    UserReactivated = "user.reactivated", "User reactivated";
    UserLocked = "user.locked", "User locked";
    UserUnlocked = "user.unlocked", "User unlocked";
    UserRemoved = "user.removed", "User removed";
    GrantAdded = "user.grant.added", "User grant added";
    GrantChanged = "user.grant.changed", "User grant changed";
    GrantDeactivated = "user.grant.deactivated", "User grant deactivated";
    GrantReactivated = "user.grant.reactivated", "User grant reactivated";
    GrantRemoved = "user.grant.removed", "User grant removed";
    GrantCascadeRemoved = "user.grant.cascade.removed", "User grant removed with what it was for";
    GrantCascadeChanged = "user.grant.cascade.changed", "User grant changed with the roles of its project";
}
