//! How cost grows: the same calls with few and with many keys in one application, and the size of a
//! million tokens. Keys are put into the database directly, for making them would take hours.

use sqlx::{PgPool, SqlitePool};

use crate::Settings;
use crate::http::{Connection, Request};
use crate::load::{Measured, run};
use crate::process::Target;
use crate::scene::{Api, Kind, id};

/// Copies of the first key under new ids, which are in order.
const KEYS: &str = "INSERT INTO app_keys (org_id, project_id, app_id, id, public_key, expires_at, sequence, created_at) \
     WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
     SELECT k.org_id, k.project_id, k.app_id, CAST(500000000000000000 + n.i AS TEXT), k.public_key, k.expires_at, \
     k.sequence, k.created_at FROM app_keys k, n WHERE k.app_id = $2 AND k.id = $3";
const COUNT: &str = "UPDATE apps SET key_count = (SELECT count(*) FROM app_keys WHERE app_id = $1) WHERE id = $1";
const TOKENS: &str = "INSERT INTO access_tokens \
     (id, org_id, user_id, epoch, token_hash, scopes, by_secret, created_at, expires_at) \
     WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) \
     SELECT 400000000000000000 + n.i * 65536, u.org_id, u.id, 1, \
     k.token_hash, 'openid urn:zitadel:iam:org:project:id:400522011162116097:aud', FALSE, \
     1795225722000000 + n.i * 43200, 1795268922000000 + n.i * 43200 \
     FROM users u, n, personal_access_tokens k";

/// The database itself.
enum Sql {
    Lite(SqlitePool),
    Pg(PgPool),
}

impl Sql {
    async fn run(&self, sql: &'static str, number: Option<i64>, texts: &[&str]) {
        macro_rules! on {
            ($pool:expr) => {{
                let mut query = sqlx::query(sql);
                if let Some(number) = number {
                    query = query.bind(number);
                }
                for text in texts {
                    query = query.bind(*text);
                }
                query.execute($pool).await.map(drop)
            }};
        }
        match self {
            Self::Lite(pool) => on!(pool),
            Self::Pg(pool) => on!(pool),
        }
        .expect(sql);
    }

    async fn size(&self) -> i64 {
        const PG: &str = "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c \
             WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace";
        const LITE: &str = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        match self {
            Self::Lite(pool) => sqlx::query_scalar(LITE).fetch_one(pool).await,
            Self::Pg(pool) => sqlx::query_scalar(PG).fetch_one(pool).await,
        }
        .expect("a size")
    }
}

/// Measures and prints growth on one engine.
pub async fn measure(engine: &str, url: Option<&str>, settings: &Settings) {
    println!("\n### Growth on {engine}\n");
    println!("| keys in the application | call | p50 ms | p99 ms | CPU ms per request |");
    println!("|---:|---|---:|---:|---:|");
    let mut plots: Vec<(String, Vec<f64>)> = Vec::new();
    for size in &settings.sizes {
        let scene = Scene::set(engine, url, *size).await;
        for (at, (name, kind)) in scene.calls(*size).into_iter().enumerate() {
            let result: Measured = run(&scene.target, &kind, settings).await;
            println!("| {size} | {name} | {:.2} | {:.2} | {:.3} |", result.at(50), result.at(99), result.cost());
            if plots.len() <= at {
                plots.push((name, Vec::new()));
            }
            plots[at].1.push(result.cost());
        }
        if Some(size) == settings.sizes.last() {
            scene.tokens(engine).await;
        }
    }
    plot(engine, settings, &plots);
}

/// A chart for documents that show Mermaid.
fn plot(engine: &str, settings: &Settings, plots: &[(String, Vec<f64>)]) {
    let list = |values: &[String]| values.join(", ");
    println!("\n```mermaid\nxychart-beta\n    title \"{engine}: CPU ms per request by number of keys\"");
    println!("    x-axis [{}]", list(&settings.sizes.iter().map(|s| format!("\"{s}\"")).collect::<Vec<_>>()));
    println!("    y-axis \"ms\"");
    for (_, values) in plots {
        println!("    line [{}]", list(&values.iter().map(|v| format!("{v:.3}")).collect::<Vec<_>>()));
    }
    println!(
        "```\n\nLines from the first to the last: {}.",
        list(&plots.iter().map(|p| p.0.clone()).collect::<Vec<_>>())
    );
}

/// A server with an application of so many keys.
struct Scene {
    target: Target,
    sql: Sql,
    keys: String,
    key: String,
}

impl Scene {
    async fn set(engine: &str, url: Option<&str>, size: u64) -> Self {
        clear(url).await;
        let target = Target::start(engine, url);
        let mut api = Api { connection: Connection::open(&target.address).await, token: target.token.clone() };
        let name = serde_json::json!({"name": format!("growth {size}")});
        let project = id(&api.post("/projects", name).await, "id");
        let body = serde_json::json!({"name": "many", "authMethodType": 1});
        let app = id(&api.post(&format!("/projects/{project}/apps/api"), body).await, "appId");
        let keys = format!("/projects/{project}/apps/{app}/keys");
        let key = id(&api.post(&keys, serde_json::json!({"type": 1})).await, "id");
        let sql = if let Some(url) = url {
            Sql::Pg(PgPool::connect(url).await.expect("the database"))
        } else {
            let file = target.data().expect("a data directory").join("claviger.db");
            Sql::Lite(SqlitePool::connect(&format!("sqlite:{}", file.display())).await.expect("the file"))
        };
        let more = i64::try_from(size).expect("a size") - 1;
        sql.run(KEYS, Some(more), &[&app, &key]).await;
        sql.run(COUNT, None, &[&app]).await;
        // As the database does by itself after a while.
        let tidy = if url.is_some() { "VACUUM ANALYZE" } else { "ANALYZE" };
        sql.run(tidy, None, &[]).await;
        Self { target, sql, keys, key }
    }

    fn calls(&self, size: u64) -> Vec<(String, Kind)> {
        let rest = |verb, path: &str, body: &str| Kind::Http(Request::rest(&self.target.token, verb, path, body));
        let search = format!("{}/_search", self.keys);
        let deep = format!(r#"{{"query":{{"limit":20,"offset":"{}"}}}}"#, size.saturating_sub(20));
        vec![
            ("GetAppKey".to_owned(), rest("GET", &format!("{}/{}", self.keys, self.key), "")),
            ("ListAppKeys, first 20".to_owned(), rest("POST", &search, r#"{"query":{"limit":20}}"#)),
            ("ListAppKeys, newest 20".to_owned(), rest("POST", &search, r#"{"query":{"limit":20,"asc":false}}"#)),
            ("ListAppKeys, last 20 by offset".to_owned(), rest("POST", &search, &deep)),
        ]
    }

    /// How large a million tokens are.
    async fn tokens(&self, engine: &str) {
        let before = self.sql.size().await;
        self.sql.run(TOKENS, None, &[]).await;
        let bytes = self.sql.size().await - before;
        println!("\nA million access tokens on {engine}: {} MB, {} bytes each.", bytes / 1_000_000, bytes / 1_000_000);
    }
}

/// A database that outlives its servers is emptied for each size.
async fn clear(url: Option<&str>) {
    let Some(url) = url else { return };
    let pool = PgPool::connect(url).await.expect("the database");
    for statement in ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"] {
        sqlx::query(statement).execute(&pool).await.expect("an empty database");
    }
}
