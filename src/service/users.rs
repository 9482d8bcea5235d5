//! Users.

use std::sync::Arc;

use buffa::{EnumValue, MessageField};

use super::Deps;
use crate::auth::Ctx;
use crate::error::{Error, Result};
use crate::proto::full_details;
use crate::proto::zitadel::auth::v1::{GetMyUserRequest, GetMyUserResponse};
use crate::proto::zitadel::user::v1::__buffa::oneof::user::Type;
use crate::proto::zitadel::user::v1::{Machine, User, UserState};
use crate::store::UserRow;

/// Users.
pub struct Users(pub(super) Deps);

impl Users {
    /// `GetMyUser`: the caller itself.
    ///
    /// # Errors
    /// `QUERY-Dfbg2` it was removed since the call began.
    pub async fn get_my_user(self: Arc<Self>, cx: Ctx, request: GetMyUserRequest) -> Result<GetMyUserResponse> {
        cx.admit(&request)?;
        let row = self.0.store.user_by_id(&cx.user_id).await?;
        let row = row.ok_or_else(|| Error::not_found("QUERY-Dfbg2", "User could not be found"))?;
        Ok(GetMyUserResponse { user: MessageField::some(message(row)), ..GetMyUserResponse::default() })
    }
}

fn message(row: UserRow) -> User {
    User {
        details: full_details(&row.org_id, &row.stamp),
        id: row.id,
        state: EnumValue::<UserState>::from(i32::try_from(row.state).unwrap_or_default()),
        login_names: vec![row.user_name.clone()],
        preferred_login_name: row.user_name.clone(),
        user_name: row.user_name,
        r#type: Some(Type::Machine(Box::new(Machine {
            name: row.name,
            description: row.description,
            has_secret: row.has_secret,
            access_token_type: EnumValue::from(i32::try_from(row.access_token_type).unwrap_or_default()),
        }))),
    }
}
