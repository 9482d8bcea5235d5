//! JSON of RPCs is held against the shape of their messages before it is decoded, as that of REST is: the decoder alone
//! would take a list for a message, and a field that is given twice.

use std::collections::HashMap;

use connectrpc::interceptor::{UnaryRequest, UnaryResponse};
use connectrpc::{CodecFormat, ConnectError, Interceptor, Next};

use super::{error, json};
use crate::proto::Rpc;

/// Refuses JSON that does not fit. It knows the RPCs by their full names.
pub struct Fits(pub HashMap<&'static str, &'static Rpc>);

#[connectrpc::async_trait]
impl Interceptor for Fits {
    async fn intercept_unary(&self, request: UnaryRequest, next: Next<'_>) -> Result<UnaryResponse, ConnectError> {
        let path = request.ctx.path().map(|path| path.trim_start_matches('/'));
        if let (CodecFormat::Json, Some(rpc)) = (request.payload.format(), path.and_then(|path| self.0.get(path))) {
            json::fits(request.payload.bytes(), rpc.request).map_err(|e| error::status(&e))?;
        }
        next.run(request).await
    }
}
