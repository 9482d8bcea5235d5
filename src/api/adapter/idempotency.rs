//! Calls with an idempotency key: the same function answers them, once.

use std::future::Future;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use futures_util::future::BoxFuture;

use crate::auth::{Caller, IdempotencyKey};
use crate::error::{Code, Error, Result};
use crate::proto::Call;
use crate::service::idempotency::{Asked, Idempotency, Once, Outcome};

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

/// Answers a call: by the function of the wire, or from what was answered under its key.
///
/// The function is called in one place, and what is the same for all calls is not here: this is compiled for each RPC.
///
/// # Errors
/// Those of the function; as [`Idempotency::begin`].
pub async fn answer<S, Req, Res, Fut>(
    idempotency: &Idempotency,
    function: fn(Arc<S>, Caller, Req) -> Fut,
    service: Arc<S>,
    mut caller: Caller,
    request: Req,
) -> Result<Res>
where
    Req: Call,
    Res: buffa::Message + Default,
    Fut: Future<Output = Result<Res>>,
{
    let mut first = None;
    // The compiler leaves this out where nothing is made.
    if Req::RPC.creates
        && let Some(key) = caller.take_idempotency_key()
    {
        match begin(idempotency, key, &mut caller, request.encode_to_vec()).await? {
            Begun::Answered(bytes) => return decoded(&bytes),
            Begun::First(begun) => first = Some(begun),
        }
    }
    let outcome = function(service, caller, request).await;
    let Some(begun) = first else { return outcome };
    let bytes = outcome.as_ref().ok().map(buffa::Message::encode_to_vec);
    match end(idempotency, begun, bytes).await? {
        Some(earlier) => decoded(&earlier),
        None => outcome,
    }
}

/// What becomes of a call with a key.
enum Begun {
    /// It was made before: its answer.
    Answered(Vec<u8>),
    /// It is made now.
    First(Box<(Arc<IdempotencyKey>, Once)>),
}

/// The future is on the heap, so that calls without a key have no room for it.
fn begin<'a>(
    idempotency: &'a Idempotency,
    key: Arc<IdempotencyKey>,
    caller: &'a mut Caller,
    request: Vec<u8>,
) -> BoxFuture<'a, Result<Begun>> {
    Box::pin(async move {
        let asked = Asked { user_id: caller.user_id(), org_id: caller.org_id(), now: caller.now(), request: &request };
        match idempotency.begin(&key, asked).await? {
            Outcome::Answered(bytes) => Ok(Begun::Answered(bytes)),
            Outcome::Begun(once) => {
                caller.claims(&once.claim);
                Ok(Begun::First(Box::new((key, once))))
            }
        }
    })
}

/// Keeps an answer; of a call that failed because the same one was made elsewhere at the same time, gives that answer.
fn end(
    idempotency: &Idempotency,
    begun: Box<(Arc<IdempotencyKey>, Once)>,
    answer: Option<Vec<u8>>,
) -> BoxFuture<'_, Result<Option<Vec<u8>>>> {
    Box::pin(async move {
        let (key, once) = &*begun;
        match answer {
            Some(answer) => idempotency.keep(key, once, &answer).await.map(|()| None),
            None => idempotency.late(key, once).await.transpose(),
        }
    })
}

fn decoded<Res: buffa::Message + Default>(bytes: &[u8]) -> Result<Res> {
    Res::decode_from_slice(bytes).map_err(Error::internal)
}
