//! Other spellings of a path, and where they are redirected to.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use super::error;

/// A path without empty, `.` and `..` segments, if it had any; the original redirects to it.
pub fn cleaned(path: &str) -> Option<String> {
    if !(path.contains("//") || path.contains("/.")) {
        return None;
    }
    let inner = path.strip_prefix('/').filter(|inner| !inner.is_empty())?;
    let (body, end) = inner.strip_suffix('/').map_or((inner, ""), |body| (body, "/"));
    if !body.split('/').any(|s| matches!(s, "" | "." | "..")) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in body.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let end = if kept.is_empty() { "" } else { end };
    Some(format!("/{}{end}", kept.join("/")))
}

/// The answer to another spelling of a path. A path that a browser, or a proxy that decodes it, could
/// take for the name of another host is no path of this server.
pub fn redirect(path: &str) -> Response<Body> {
    let Some(location) = HeaderValue::from_str(path).ok().filter(|_| stays_here(path)) else {
        return error::no_such_path();
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Browsers read `\` as `/`, and `//host` at the beginning as a host (WHATWG URL, relative references).
fn stays_here(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let first = path.strip_prefix('/').unwrap_or("/");
    let host = first.starts_with('/') || first.starts_with("%2f");
    !host && !["\\", "%5c", "%25"].iter().any(|part| path.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_with_odd_segments_are_cleaned() {
        for fine in ["/", "/a", "/a/", "/a/b"] {
            assert_eq!(cleaned(fine), None, "{fine}");
        }
        for (odd, clean) in [("//", "/"), ("/a//b/", "/a/b/"), ("/a/../b", "/b"), ("/./a", "/a"), ("/../..", "/")] {
            assert_eq!(cleaned(odd).as_deref(), Some(clean), "{odd}");
        }
    }

    #[test]
    fn no_redirect_leaves_this_host() {
        for path in ["/a/b", "/", "/a/%2f", "/a%20b"] {
            assert_eq!(redirect(path).headers()[header::LOCATION], path);
        }
        for path in [
            "//evil",
            "/\\evil",
            "/%5cevil",
            "/%5Cevil",
            "/%2fevil",
            "/%2Fevil",
            "/%252fevil",
            "/a\\b",
            "/a/%5c",
            "evil",
        ] {
            assert!(!redirect(path).headers().contains_key(header::LOCATION), "{path}");
        }
    }
}
