//! States and kinds of objects, as the tables and the wire number them.

/// Gives an enum the numbers it is stored and sent with.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
        #[repr(i64)]
        pub enum $name {
            $($(#[$of])* $variant = $number,)+
        }

        impl $name {
            /// Its number in the table and on the wire.
            pub fn number(self) -> i64 {
                match self {
                    $(Self::$variant => $number,)+
                }
            }
        }
    };
}

numbered! {
    /// State of a project, an application or a user grant.
    State {
        /// In use.
        Active = 1,
        /// Switched off.
        Inactive = 2,
    }
}

numbered! {
    /// State of an organization.
    OrgState {
        /// In use.
        Active = 1,
        /// Switched off; nothing in it changes by that.
        Inactive = 2,
        /// Removed: nothing in it is valid any more.
        Removed = 3,
    }
}

numbered! {
    /// State of a user.
    UserState {
        /// May act.
        Active = 1,
        /// Switched off.
        Inactive = 2,
        /// Locked.
        Locked = 4,
    }
}

numbered! {
    /// Kind of an application.
    AppKind {
        /// An API, which asks for introspection.
        Api = 1,
        /// An OpenID Connect client.
        Oidc = 2,
    }
}

numbered! {
    /// What a signing key is used for.
    SigningState {
        /// Published in advance.
        Next = 1,
        /// Signs.
        Active = 2,
        /// Only verifies.
        Retired = 3,
    }
}
