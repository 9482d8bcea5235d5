//! What is known of an application that authenticates. The method that is configured decides: a secret never opens an
//! application that has keys, and the other way round (design, section 4).

use super::assertion::{Assertion, Signed};
use crate::clock::Micros;
use crate::crypto::jws::Verifier;
use crate::crypto::secrets;
use crate::store::{ClientRow, Heap, Verdict};

/// An application that may act, and one of its keys ready to verify.
pub struct Client {
    /// The application.
    pub row: ClientRow,
    verifier: Option<Verifier>,
}

impl Heap for Client {
    fn heap(&self) -> usize {
        let row = &self.row;
        let texts = row.org_id.heap() + row.project_id.heap() + row.client_id.heap();
        // The verifier holds the public key once more.
        texts + row.secret_hash.heap() + row.old_secret_hash.heap() + 2 * row.public_key.heap()
    }
}

impl Client {
    /// Makes its key ready.
    pub(super) fn new(row: ClientRow) -> Self {
        let verifier = row.public_key.as_deref().and_then(Verifier::new);
        Self { row, verifier }
    }

    /// Whether it signed an assertion.
    pub(super) fn judge_key(&self, assertion: &Assertion<'_>, now: Micros) -> Verdict<&'static str> {
        if !self.row.takes_keys {
            return Verdict::Doubt("the application authenticates with a secret");
        }
        let Some(verifier) = &self.verifier else { return Verdict::Doubt("the application has no such key") };
        // The key of an id never changes, nor does its end.
        if self.row.key_expires_at.is_none_or(|at| at <= now) {
            return Verdict::No("the key has expired");
        }
        match verifier.verify::<Signed>(assertion.token) {
            Some(Signed {}) => Verdict::Good,
            None => Verdict::No("wrong signature"),
        }
    }

    /// Whether a secret is its own.
    pub(super) fn judge_secret(&self, secret: &str, now: Micros) -> Verdict<&'static str> {
        let row = &self.row;
        let old = row.old_secret_hash.as_deref().filter(|_| row.old_secret_until > now);
        let good = secrets::proves(secret, [row.secret_hash.as_deref(), old]);
        if row.takes_keys {
            return Verdict::Doubt("the application authenticates with keys");
        }
        if good { Verdict::Good } else { Verdict::Doubt("wrong secret") }
    }
}
