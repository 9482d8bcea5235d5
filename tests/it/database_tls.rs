//! TLS to PostgreSQL: whom the server trusts, and what it says when it trusts nobody.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::startup::{has, serve, sqlite};
use crate::support::server::Database;
use crate::support::{Options, TestServer};

/// What a client asks first: whether the server speaks TLS (PostgreSQL, message formats, `SSLRequest`).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A certificate that signs itself, for one name.
fn certificate(name: &str) -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate")
}

/// TLS before the server of the run: what its own TLS would do. Without one, only the handshake.
async fn before(upstream: Option<String>, own: &CertifiedKey<KeyPair>) -> SocketAddr {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a configuration")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(relay(stream, acceptor.clone(), upstream.clone()));
        }
    });
    address
}

/// What does not begin with a question for TLS is not answered.
async fn relay(mut stream: TcpStream, acceptor: TlsAcceptor, upstream: Option<String>) -> Option<()> {
    let mut asked = [0; 8];
    stream.read_exact(&mut asked).await.ok()?;
    (asked == SSL_REQUEST).then_some(())?;
    stream.write_all(b"S").await.ok()?;
    let mut inside = acceptor.accept(stream).await.ok()?;
    let mut server = TcpStream::connect(upstream?).await.ok()?;
    copy_bidirectional(&mut inside, &mut server).await.ok()?;
    Some(())
}

/// A PEM file of a certificate.
fn file(dir: &tempfile::TempDir, own: &CertifiedKey<KeyPair>) -> PathBuf {
    let path = dir.path().join("root.pem");
    std::fs::write(&path, own.cert.pem()).expect("a file");
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_works_over_tls_with_one_it_knows() {
    let plain = Database::fresh().await;
    if plain.is_sqlite() {
        return;
    }
    let scratch = tempfile::tempdir().expect("a directory");
    let own = certificate("localhost");
    let root = file(&scratch, &own);
    let rest = plain.url.split_once('@').expect("a user in the URL").1;
    let upstream = rest.split('/').next().expect("a host").to_owned();
    let port = before(Some(upstream.clone()), &own).await.port();
    for mode in ["require".to_owned(), format!("verify-full&sslrootcert={}", root.display())] {
        let mut through = Database::fresh().await;
        through.url = format!("{}&sslmode={mode}", through.url.replace(&upstream, &format!("localhost:{port}")));
        let server = TestServer::with(Options { beside: Some(through), ..Options::default() }).await;
        let project = server.project("through TLS").await;
        let app = server.app(&project, "api").await;
        server.key(&project, &app).await;
        assert_eq!(server.ok("/projects/_search", json!({})).await["details"]["totalResult"], "2", "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_not_known_is_refused_in_clear_words() {
    let scratch = tempfile::tempdir().expect("a directory");
    let settings = sqlite(&scratch.path().join("data"));
    let (own, other) = (certificate("localhost"), certificate("localhost"));
    let elsewhere = certificate("elsewhere.example");
    let port = before(None, &own).await.port();
    let known = file(&scratch, &own).display().to_string();
    let asked = |port: u16, query: &str| {
        serve(&settings, &[("DATABASE_URL", &format!("postgres://u:secret@localhost:{port}/d?{query}"))])
    };
    // No authority knows it, in whichever mode that asks for one.
    for mode in ["verify-full", "verify-ca"] {
        has(&asked(port, &format!("sslmode={mode}")), &["certificate", "UnknownIssuer", "sslrootcert", "DATABASE_URL"]);
        let stranger = before(None, &other).await.port();
        let text = asked(stranger, &format!("sslmode={mode}&sslrootcert={known}"));
        has(&text, &["certificate", "sslrootcert"]);
        // The right authority, for another name.
        let name = before(None, &elsewhere).await.port();
        let dir = tempfile::tempdir().expect("a directory");
        let root = file(&dir, &elsewhere).display().to_string();
        has(&asked(name, &format!("sslmode={mode}&sslrootcert={root}")), &["elsewhere.example", "host of the URL"]);
    }
    let text = asked(port, "sslmode=verify-full&sslrootcert=/nowhere/root.pem");
    has(&text, &["a file of the URL cannot be read", "sslrootcert"]);
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_speak_tls_is_refused_where_tls_is_wanted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 8];
            if stream.read_exact(&mut asked).await.is_ok() && asked == SSL_REQUEST {
                let _ = stream.write_all(b"N").await;
            }
        }
    });
    let scratch = tempfile::tempdir().expect("a directory");
    let settings = sqlite(&scratch.path().join("data"));
    for mode in ["require", "verify-full"] {
        let url = format!("postgres://u@localhost:{port}/d?sslmode={mode}");
        has(&serve(&settings, &[("DATABASE_URL", &url)]), &["TLS", "ssl = on", "sslmode=disable"]);
    }
}
