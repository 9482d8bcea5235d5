//! Calls with an idempotency key: the same function answers them, once.

use std::future::Future;

use axum::http::{HeaderMap, HeaderValue};

use crate::auth::Caller;
use crate::error::{Code, Error, Result};
use crate::proto::Call;
use crate::service::idempotency::{Asked, Idempotency, Outcome};

/// The header, and the key of gRPC metadata.
const HEADER: &str = "idempotency-key";

/// The idempotency key of a call, if it has one.
///
/// # Errors
/// Code 3 when there are two.
pub fn key(headers: &HeaderMap) -> Result<Option<&[u8]>> {
    let mut all = headers.get_all(HEADER).iter();
    let first = all.next();
    if all.next().is_some() {
        return Err(Error::native(Code::InvalidArgument, "there is more than one idempotency-key header; send one"));
    }
    Ok(first.map(HeaderValue::as_bytes))
}

/// Answers a call that makes something: at once, or from what was answered under its key.
///
/// # Errors
/// Those of the function; as [`Idempotency::begin`].
pub async fn answer<Req, Res, Fut>(
    idempotency: &Idempotency,
    mut caller: Caller,
    request: Req,
    function: impl FnOnce(Caller, Req) -> Fut,
) -> Result<Res>
where
    Req: Call,
    Res: buffa::Message + Default,
    Fut: Future<Output = Result<Res>>,
{
    // The compiler leaves the rest out where nothing is made.
    if !Req::RPC.creates {
        return function(caller, request).await;
    }
    let Some(key) = caller.take_idempotency_key() else { return function(caller, request).await };
    // Apart from the way of calls without a key, which shall not pay for it.
    Box::pin(async move {
        let bytes = request.encode_to_vec();
        let once = match idempotency.begin(&key, asked(&caller, &bytes)).await? {
            Outcome::Answered(bytes) => return decoded(&bytes),
            Outcome::Begun(once) => once,
        };
        caller.claims(&once.claim);
        match function(caller, request).await {
            Ok(answer) => {
                idempotency.keep(&key, &once, &answer.encode_to_vec()).await?;
                Ok(answer)
            }
            Err(error) => match idempotency.late(&key, &once).await {
                Some(bytes) => decoded(&bytes?),
                None => Err(error),
            },
        }
    })
    .await
}

fn asked<'a>(caller: &'a Caller, request: &'a [u8]) -> Asked<'a> {
    Asked { user_id: caller.user_id(), org_id: caller.org_id(), now: caller.now(), request }
}

fn decoded<Res: buffa::Message + Default>(bytes: &[u8]) -> Result<Res> {
    Res::decode_from_slice(bytes).map_err(Error::internal)
}
