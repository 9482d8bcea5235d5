//! `/metrics`: numbers for Prometheus. Each is told in docs/METRICS.md, which a test holds against what is here.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::text::{Kind, Text};
use crate::api::adapter::count::Count;
use crate::api::adapter::limits::Limits;
use crate::api::adapter::measure::Measures;
use crate::api::oauth::measure::Endpoint;
use crate::crypto::keypool::KeyPool;
use crate::housekeeping::Swept;
use crate::proto::rpcs;
use crate::service::ending::Ending;
use crate::store::Store;

/// Where the numbers come from.
#[derive(Clone)]
pub struct Numbers {
    /// The stock of key pairs.
    pub keys: KeyPool,
    /// The caches, and statements to the database.
    pub store: Store,
    /// How full the server is.
    pub limits: Limits,
    /// The requests of each family.
    pub counts: [Count; 3],
    /// The calls of each RPC.
    pub measures: Measures,
    /// The requests of each OAuth endpoint.
    pub endpoints: Vec<Endpoint>,
    /// Credentials that end soon.
    pub ending: Ending,
    /// What sweeps have deleted.
    pub swept: Swept,
}

/// All of them.
pub async fn metrics(State(numbers): State<Numbers>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], numbers.text())
}

impl Numbers {
    fn text(&self) -> String {
        let mut out = Text::default();
        build(&mut out);
        self.key_pool(&mut out);
        self.load(&mut out);
        self.database(&mut out);
        self.caches(&mut out);
        self.credentials(&mut out);
        self.requests(&mut out);
        self.rpcs(&mut out);
        self.oauth(&mut out);
        out.whole()
    }

    fn key_pool(&self, out: &mut Text) {
        let level = self.keys.level();
        out.one(Kind::Gauge, "claviger_key_pool_depth", "Key pairs in stock.", level.depth);
        out.one(
            Kind::Gauge,
            "claviger_key_pool_size",
            "Key pairs when the stock is full; 0 if there is none.",
            level.size,
        );
        out.one(Kind::Gauge, "claviger_key_pool_waiting", "Requests that wait for a key pair.", level.waiting);
        out.one(
            Kind::Counter,
            "claviger_key_pool_refused_total",
            "Requests sent away because too many waited for a key pair.",
            level.refused,
        );
    }

    fn load(&self, out: &mut Text) {
        let load = self.limits.level();
        out.one(Kind::Gauge, "claviger_requests_working", "Requests in work.", load.working);
        out.one(Kind::Gauge, "claviger_requests_waiting", "Requests that wait until others are done.", load.waiting);
        out.one(Kind::Gauge, "claviger_body_bytes", "Memory that bodies of requests take.", load.body_bytes);
    }

    fn database(&self, out: &mut Text) {
        let statements = self.store.statements();
        out.one(Kind::Counter, "claviger_statements_total", "Statements sent to the database.", statements.run);
        out.one(
            Kind::Counter,
            "claviger_statements_retried_total",
            "Further attempts at reads whose connection broke.",
            statements.retried,
        );
        out.one(
            Kind::Counter,
            "claviger_statements_failed_total",
            "Statements that ended with an error.",
            statements.failed,
        );
        let connections = self.store.connections();
        for (name, help, of) in [
            (
                "claviger_database_connections_max",
                "Connections to the database that there may be.",
                (|c| c.size) as fn(&crate::store::Connections) -> usize,
            ),
            ("claviger_database_connections_used", "Connections to the database in use.", |c| c.used),
            ("claviger_database_waiting", "Callers that wait for a connection; PostgreSQL only.", |c| c.waiting),
        ] {
            out.describe(Kind::Gauge, name, help);
            for level in &connections {
                out.sample(name, &format!("kind=\"{}\"", level.kind), of(level));
            }
        }
        let (commits, members) = self.store.groups().map_or((0, 0), |groups| groups.read());
        out.one(Kind::Counter, "claviger_group_commits_total", "Commits that writers share; SQLite only.", commits);
        out.one(Kind::Counter, "claviger_group_members_total", "Units of work in these commits; SQLite only.", members);
        out.one(
            Kind::Counter,
            "claviger_swept_rows_total",
            "Expired tokens and old answers that were deleted.",
            self.swept.level(),
        );
    }

    fn caches(&self, out: &mut Text) {
        let remembered = self.store.remembered();
        out.one(Kind::Gauge, "claviger_cache_bytes", "Bytes of all caches together.", remembered.bytes);
        out.one(
            Kind::Gauge,
            "claviger_cache_budget_bytes",
            "Bytes that all caches together may take.",
            remembered.budget,
        );
        out.one(
            Kind::Counter,
            "claviger_cache_misses_total",
            "Questions that no cache could answer.",
            remembered.asked,
        );
    }

    fn credentials(&self, out: &mut Text) {
        let name = "claviger_credentials_ending";
        out.describe(Kind::Gauge, name, "Good keys and tokens that end within so many days; counted every 5 minutes.");
        for (kind, days, count) in self.ending.level() {
            out.sample(name, &format!("kind=\"{kind}\",days=\"{days}\""), count);
        }
    }

    /// Answers by family and class of status.
    fn requests(&self, out: &mut Text) {
        let name = "claviger_requests_total";
        out.describe(Kind::Counter, name, "Answers by family of routes and class of status.");
        for count in &self.counts {
            for (status, value) in count.level() {
                out.sample(name, &format!("family=\"{}\",status=\"{status}\"", count.family()), value);
            }
        }
    }

    /// Calls that there were, by RPC.
    fn rpcs(&self, out: &mut Text) {
        let calls = || rpcs::ALL.iter().zip(self.measures.all());
        let name = "claviger_rpc_calls_total";
        out.describe(Kind::Counter, name, "Calls by RPC, transport and end (names of google.rpc.Code).");
        for (rpc, calls) in calls() {
            for (transport, code, count) in calls.ended() {
                let (service, method, transport) = (rpc.service, rpc.name, transport.name());
                let labels =
                    format!("service=\"{service}\",method=\"{method}\",transport=\"{transport}\",code=\"{code}\"");
                out.sample(name, &labels, count);
            }
        }
        let name = "claviger_rpc_duration_seconds";
        out.describe(Kind::Histogram, name, "Time from the head of a call to its answer, by RPC.");
        for (rpc, calls) in calls() {
            out.times(name, &format!("service=\"{}\",method=\"{}\"", rpc.service, rpc.name), &calls.times);
        }
    }

    fn oauth(&self, out: &mut Text) {
        let name = "claviger_oauth_requests_total";
        out.describe(Kind::Counter, name, "Requests of the OAuth endpoints by path and result.");
        for endpoint in &self.endpoints {
            for (result, count) in endpoint.results() {
                out.sample(name, &format!("path=\"{}\",result=\"{result}\"", endpoint.path()), count);
            }
        }
        let name = "claviger_oauth_duration_seconds";
        out.describe(Kind::Histogram, name, "Time from the head of a request to its answer, by OAuth endpoint.");
        for endpoint in &self.endpoints {
            out.times(name, &format!("path=\"{}\"", endpoint.path()), endpoint.times());
        }
    }
}

fn build(out: &mut Text) {
    let name = "claviger_build_info";
    out.describe(Kind::Gauge, name, "1, with the version of the program.");
    out.sample(name, concat!("version=\"", env!("CARGO_PKG_VERSION"), "\""), 1);
}
