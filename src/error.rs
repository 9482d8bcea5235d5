//! The one error type of the server. It knows google.rpc codes and nothing of any transport;
//! `api::error` turns it into an HTTP answer or a gRPC status.

use std::borrow::Cow;
use std::fmt;

/// Result with [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// google.rpc.Code: the part this server answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    /// Malformed or refused input.
    InvalidArgument = 3,
    /// The deadline passed before the answer was ready.
    DeadlineExceeded = 4,
    /// The object does not exist, or belongs to another organization.
    NotFound = 5,
    /// A name is taken.
    AlreadyExists = 6,
    /// The caller is known but may not do this.
    PermissionDenied = 7,
    /// Input too large, or too much asked for at once.
    ResourceExhausted = 8,
    /// The state of the object does not allow this.
    FailedPrecondition = 9,
    /// No such method.
    Unimplemented = 12,
    /// A defect or a broken store; the text is hidden from the client.
    Internal = 13,
    /// The store cannot be reached; trying again may help.
    Unavailable = 14,
    /// No valid credentials.
    Unauthenticated = 16,
}

impl Code {
    /// HTTP status of the code, by the table of the grpc-gateway (contract 1.4).
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidArgument | Self::FailedPrecondition => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::AlreadyExists => 409,
            Self::ResourceExhausted => 429,
            Self::Internal => 500,
            Self::Unimplemented => 501,
            Self::Unavailable => 503,
            Self::DeadlineExceeded => 504,
        }
    }
}

/// An error as the client sees it, with the hidden cause for the log.
#[derive(Debug)]
pub struct Error {
    /// google.rpc code.
    pub code: Code,
    /// Stable id such as `COMMAND-sak25`; empty for the native status errors of contract 1.4.
    pub id: &'static str,
    /// Text without the id.
    pub message: Cow<'static, str>,
    /// Seconds after which trying again may help (RFC 9110, section 10.2.3).
    pub retry_after: Option<u32>,
    /// What really happened; logged, never sent.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with an id: it carries a `zitadel.v1.ErrorDetail` on the wire.
    pub fn new(code: Code, id: &'static str, message: &'static str) -> Self {
        Self { code, id, message: Cow::Borrowed(message), retry_after: None, source: None }
    }

    /// An error without id and details: field rules, malformed JSON, routing (contract 1.4).
    pub fn native(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, id: "", message: message.into(), retry_after: None, source: None }
    }

    /// [`Code::InvalidArgument`] with an id.
    pub fn invalid(id: &'static str, message: &'static str) -> Self {
        Self::new(Code::InvalidArgument, id, message)
    }

    /// [`Code::NotFound`] with an id.
    pub fn not_found(id: &'static str, message: &'static str) -> Self {
        Self::new(Code::NotFound, id, message)
    }

    /// [`Code::FailedPrecondition`] with an id.
    pub fn precondition(id: &'static str, message: &'static str) -> Self {
        Self::new(Code::FailedPrecondition, id, message)
    }

    /// [`Code::AlreadyExists`]; every kind of name shares one id (contract 1.11).
    pub fn already_exists(message: &'static str) -> Self {
        Self::new(Code::AlreadyExists, "V3-DKcYh", message)
    }

    /// [`Code::PermissionDenied`] with an id.
    pub fn denied(id: &'static str, message: &'static str) -> Self {
        Self::new(Code::PermissionDenied, id, message)
    }

    /// [`Code::Unauthenticated`] with an id.
    pub fn unauthenticated(id: &'static str, message: &'static str) -> Self {
        Self::new(Code::Unauthenticated, id, message)
    }

    /// [`Code::Internal`]: the source goes to the log, the client learns nothing of it.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(Code::Internal, "INTER-1nerr", "An internal error occurred") }
    }

    /// [`Code::Unavailable`]: the store does not answer; the source goes to the log.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Code::Unavailable, "STORE-aW4y1", "The store is not reachable, try again")
        }
    }

    /// The same error, which tells the client when to try again: after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same answer for somebody else, without the cause, which is logged once.
    #[must_use]
    pub fn without_source(&self) -> Self {
        Self {
            code: self.code,
            id: self.id,
            message: self.message.clone(),
            source: None,
            retry_after: self.retry_after,
        }
    }

    /// The status message: `text (ID)`, or the text alone for native errors.
    pub fn status_message(&self) -> Cow<'_, str> {
        if self.id.is_empty() {
            Cow::Borrowed(&self.message)
        } else {
            Cow::Owned(format!("{} ({})", self.message, self.id))
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.status_message())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}
