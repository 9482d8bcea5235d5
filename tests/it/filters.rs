//! Every list against plain Rust: its query types, all text methods, its sorting columns, and AND, OR and NOT where it
//! has them. What a list answers without filters is what the filters are held against. The seed is fixed.

mod v2;
mod wider;

use serde_json::{Value, json};

use crate::support::{TestServer, text};

const METHODS: [&str; 8] = [
    "EQUALS",
    "EQUALS_IGNORE_CASE",
    "STARTS_WITH",
    "STARTS_WITH_IGNORE_CASE",
    "CONTAINS",
    "CONTAINS_IGNORE_CASE",
    "ENDS_WITH",
    "ENDS_WITH_IGNORE_CASE",
];

/// Names that tell engines and methods apart.
const NAMES: [&str; 10] = ["abc", "ABCD", "a%c", "a_c", "xabcx", "ÄBC", "äbcd", "b'c\"\\", "😀 smile", "ß"];

/// Further values: of no row, of more than one, and the empty one.
const VALUES: [&str; 8] = ["", "a", "C", "%", "_", "ä", "😀", "nowhere"];

/// A list and what it can be asked.
struct List {
    path: String,
    /// What each request has.
    base: Value,
    /// Names of the filters in the request and of the rows in the answer.
    names: (&'static str, &'static str),
    /// The part of the request that says which page.
    pages: &'static str,
    /// What the names of text methods begin with.
    methods: &'static str,
    /// Whether a text to compare with may not be empty.
    filled: bool,
    /// Query, its field, and where rows have what it is compared with.
    texts: Vec<(&'static str, &'static str, &'static str)>,
    /// Queries that want the same value.
    equals: Vec<(&'static str, &'static str, &'static str)>,
    /// Queries that want one of several values.
    one_of: Vec<(&'static str, &'static str, &'static str)>,
    /// Queries that no row here passes.
    nothing: Vec<Value>,
    /// Filters of other forms.
    others: Vec<Filter>,
    /// Sorting columns, and where rows have what is sorted.
    sorts: Vec<(&'static str, &'static str)>,
    /// Whether what is sorted is sorted in any case.
    folded: bool,
    /// Whether it has AND, OR and NOT.
    trees: bool,
}

impl List {
    fn v1(path: &str) -> Self {
        Self {
            path: format!("/management/v1{path}"),
            base: json!({}),
            names: ("queries", "result"),
            pages: "query",
            methods: "TEXT_QUERY_METHOD_",
            filled: false,
            texts: Vec::new(),
            equals: Vec::new(),
            one_of: Vec::new(),
            nothing: Vec::new(),
            others: Vec::new(),
            sorts: Vec::new(),
            folded: false,
            trees: false,
        }
    }
}

/// A condition, as JSON for the server and as what it means.
#[derive(Clone)]
struct Filter {
    query: Value,
    passes: std::rc::Rc<dyn Fn(&Value) -> bool>,
}

impl Filter {
    fn new(query: Value, passes: impl Fn(&Value) -> bool + 'static) -> Self {
        Self { query, passes: std::rc::Rc::new(passes) }
    }

    fn not(self) -> Self {
        Self::new(json!({"notQuery": {"query": self.query}}), move |row| !(self.passes)(row))
    }

    fn and(self, other: Self) -> Self {
        let query = json!({"andQuery": {"queries": [self.query, other.query]}});
        Self::new(query, move |row| (self.passes)(row) && (other.passes)(row))
    }

    fn or(self, other: Self) -> Self {
        let query = json!({"orQuery": {"queries": [self.query, other.query]}});
        Self::new(query, move |row| (self.passes)(row) || (other.passes)(row))
    }
}

/// What a text filter selects, said in plain Rust.
fn selects(method: usize, value: &str, name: &str) -> bool {
    let fold = |t: &str| if method % 2 == 1 { t.to_lowercase() } else { t.to_owned() };
    let (value, name) = (fold(value), fold(name));
    match method / 2 {
        0 => name == value,
        1 => name.starts_with(&value),
        2 => name.contains(&value),
        _ => name.ends_with(&value),
    }
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % below
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }
}

impl List {
    /// The rows for filters that all must hold.
    async fn ask(&self, server: &TestServer, filters: &[Filter], more: &Value) -> Vec<Value> {
        let mut body = self.base.clone();
        body[self.names.0] = filters.iter().map(|f| f.query.clone()).collect();
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let request = server.http.post(server.url(&self.path)).bearer_auth(&server.token).json(&body);
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(status, 200, "{} {body}: {answer}", self.path);
        let rows = answer[self.names.1].as_array().cloned().unwrap_or_default();
        let total = answer.pointer("/details/totalResult").or_else(|| answer.pointer("/pagination/totalResult"));
        let total: usize = total.and_then(Value::as_str).map_or(0, |t| t.parse().expect("a number"));
        assert_eq!(total, rows.len(), "the total of {} {body}", self.path);
        rows
    }

    /// Every text query with every method and value, and every other query.
    fn single(&self, rows: &[Value]) -> Vec<Filter> {
        let mut all = Vec::new();
        for (query, field, at) in self.texts.iter().copied() {
            for (method, name) in METHODS.iter().enumerate() {
                let own = rows.iter().map(|row| text(row, at));
                for value in own.chain(VALUES.map(str::to_owned)).filter(|v| !(self.filled && v.is_empty())) {
                    let json = json!({query: {field: value, "method": format!("{}{name}", self.methods)}});
                    all.push(Filter::new(json, move |row| selects(method, &value, &text(row, at))));
                }
            }
        }
        for (query, field, at) in self.equals.iter().copied() {
            for value in rows.iter().map(|row| text(row, at)).chain(["123456789012345678".to_owned()]) {
                // A state has a name, or it is none.
                if field == "state" && !value.contains('_') {
                    continue;
                }
                let json = json!({query: {field: value}});
                all.push(Filter::new(json, move |row| text(row, at) == value));
            }
        }
        for (query, field, at) in self.one_of.iter().copied() {
            for several in rows.windows(3) {
                let values: Vec<String> = several.iter().map(|row| text(row, at)).collect();
                let json = json!({query: {field: values}});
                all.push(Filter::new(json, move |row| values.contains(&text(row, at))));
            }
        }
        all.extend(self.others.iter().cloned());
        all.extend(self.nothing.iter().map(|query| Filter::new(query.clone(), |_| false)));
        all
    }

    /// Holds the list against plain Rust.
    async fn holds(&self, server: &TestServer, rows: usize) {
        let all = self.ask(server, &[], &json!({})).await;
        assert!(all.len() >= rows, "{} has the rows of this test: {}", self.path, all.len());
        let single = self.single(&all);
        let mut dice = Dice(0x5eed_c1a7_1ce5_0042);
        // Many values are the same, and all of them with all others would be too many: a bounded draw.
        for round in 0..120 {
            let first = dice.of(&single).clone();
            let second = dice.of(&single).clone();
            let filters = match round % if self.trees { 6 } else { 2 } {
                0 => vec![first],
                1 => vec![first, second],
                2 => vec![first.or(second)],
                3 => vec![first.and(second).not()],
                4 => vec![first.not(), second],
                _ => vec![first.clone().and(second.clone().not()).or(second.and(first.not()))],
            };
            let got = self.ask(server, &filters, &json!({})).await;
            let wanted: Vec<&Value> = all.iter().filter(|row| filters.iter().all(|f| (f.passes)(row))).collect();
            let queries: Vec<&Value> = filters.iter().map(|f| &f.query).collect();
            assert_eq!(got.iter().collect::<Vec<_>>(), wanted, "{} {queries:?}", self.path);
        }
        self.sorted(server, &all).await;
    }

    /// Each sorting column, both ways; what is equal comes in one order.
    async fn sorted(&self, server: &TestServer, all: &[Value]) {
        for (column, at) in &self.sorts {
            for asc in [true, false] {
                let got = self.ask(server, &[], &json!({self.pages: {"asc": asc}, "sortingColumn": column})).await;
                let key = |row| if self.folded { text(row, at).to_lowercase() } else { text(row, at) };
                let mut keys: Vec<String> = got.iter().map(key).collect();
                if !asc {
                    keys.reverse();
                }
                assert!(keys.is_sorted(), "{} by {column}, ascending {asc}: {keys:?}", self.path);
                assert_eq!(got.len(), all.len());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_projects_and_what_is_in_them() {
    let server = TestServer::start().await;
    for name in NAMES {
        server.project(name).await;
    }
    let owner = vec![("projectResourceOwnerQuery", "resourceOwner", "/details/resourceOwner")];
    let list = List { texts: vec![("nameQuery", "name", "/name")], equals: owner, ..List::v1("/projects/_search") };
    list.holds(&server, NAMES.len()).await;

    let project = server.project("with things").await;
    for name in NAMES {
        server.app(&project, name).await;
        let role = json!({"roleKey": name, "displayName": format!("{name} role")});
        server.ok(&format!("/projects/{project}/roles"), role).await;
    }
    let path = format!("/projects/{project}/apps/_search");
    List { texts: vec![("nameQuery", "name", "/name")], ..List::v1(&path) }.holds(&server, NAMES.len()).await;
    let path = format!("/projects/{project}/roles/_search");
    let texts = vec![("keyQuery", "key", "/key"), ("displayNameQuery", "displayName", "/displayName")];
    List { texts, ..List::v1(&path) }.holds(&server, NAMES.len()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_users_members_and_grants() {
    let server = TestServer::start().await;
    let org = server.org().await;
    let project = server.project("granted").await;
    let roles: Vec<Value> = ["reader", "Writer"].iter().map(|k| json!({"key": k, "displayName": k})).collect();
    server.ok(&format!("/projects/{project}/roles/_bulk"), json!({"roles": roles})).await;
    for (at, name) in NAMES.iter().enumerate() {
        let (id, _) = server.user(&org, name).await;
        server.project_role(&project, &id, "PROJECT_OWNER_VIEWER").await;
        let member = |role: &str| json!({"userId": id, "roles": [role]});
        server.ok("/orgs/me/members", member("ORG_OWNER_VIEWER")).await;
        server.connected("zitadel.admin.v1.AdminService/AddIAMMember", member("IAM_OWNER_VIEWER")).await;
        let keys = if at % 2 == 0 { json!(["reader"]) } else { json!(["Writer"]) };
        server.ok(&format!("/users/{id}/grants"), json!({"projectId": project, "roleKeys": keys})).await;
        if at % 3 == 0 {
            server.ok(&format!("/users/{id}/_deactivate"), json!({})).await;
        }
    }
    users().holds(&server, NAMES.len()).await;
    for path in ["/management/v1/orgs/me/members/_search", "/admin/v1/members/_search"] {
        List { path: path.to_owned(), ..members(&project) }.holds(&server, NAMES.len()).await;
    }
    members(&project).holds(&server, NAMES.len()).await;
    user_grants().holds(&server, NAMES.len()).await;
}

/// A query for what machines do not have.
fn of_people(query: &str, field: &str) -> Value {
    json!({query: {field: "a", "method": "TEXT_QUERY_METHOD_CONTAINS"}})
}

fn users() -> List {
    List {
        texts: vec![
            ("userNameQuery", "userName", "/userName"),
            ("loginNameQuery", "loginName", "/preferredLoginName"),
            ("displayNameQuery", "displayName", "/machine/name"),
        ],
        equals: vec![("stateQuery", "state", "/state")],
        one_of: vec![("inUserIdsQuery", "userIds", "/id")],
        nothing: vec![
            of_people("firstNameQuery", "firstName"),
            of_people("lastNameQuery", "lastName"),
            of_people("nickNameQuery", "nickName"),
            of_people("emailQuery", "emailAddress"),
            json!({"typeQuery": {"type": "TYPE_HUMAN"}}),
            json!({"inUserEmailsQuery": {"userEmails": ["a@b.example"]}}),
        ],
        sorts: vec![
            ("USER_FIELD_NAME_USER_NAME", "/userName"),
            ("USER_FIELD_NAME_DISPLAY_NAME", "/machine/name"),
            ("USER_FIELD_NAME_UNSPECIFIED", "/id"),
        ],
        trees: true,
        ..List::v1("/users/_search")
    }
}

fn members(project: &str) -> List {
    List {
        equals: vec![("userIdQuery", "userId", "/userId")],
        nothing: vec![of_people("firstNameQuery", "firstName"), of_people("emailQuery", "email")],
        ..List::v1(&format!("/projects/{project}/members/_search"))
    }
}

fn user_grants() -> List {
    List {
        texts: vec![
            ("userNameQuery", "userName", "/userName"),
            ("displayNameQuery", "displayName", "/displayName"),
            ("orgNameQuery", "orgName", "/orgName"),
            ("projectNameQuery", "projectName", "/projectName"),
        ],
        equals: vec![("projectIdQuery", "projectId", "/projectId"), ("userIdQuery", "userId", "/userId")],
        nothing: vec![of_people("firstNameQuery", "firstName"), of_people("emailQuery", "email")],
        ..List::v1("/users/grants/_search")
    }
}
