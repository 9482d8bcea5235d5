//! The sources as text: what is code in them, and what is only said in comments and texts.

use std::path::{Path, PathBuf};

/// A source file.
pub struct Source {
    /// Its path below the root of the repository.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Its code: comments and the contents of texts are blanks, lines stay where they are.
    pub code: String,
    /// The same without what is for tests only.
    pub product: String,
    /// Its texts, without those of tests.
    pub texts: Vec<String>,
}

impl Source {
    /// Reads the code out of a source.
    pub fn new(path: &str, text: &str) -> Self {
        let (code, texts) = blanked(text);
        let mut product = code.clone().into_bytes();
        let tests = if is_test(path) { vec![(0, code.len())] } else { tests(&code) };
        for (from, to) in &tests {
            blank(&mut product[*from..*to]);
        }
        let outside = |at: &usize| !tests.iter().any(|(from, to)| (from..to).contains(&at));
        let texts = texts.into_iter().filter(|(at, _)| outside(at)).map(|(_, text)| text).collect();
        let product = String::from_utf8(product).expect("code is ASCII");
        Self { path: path.to_owned(), text: text.to_owned(), code, product, texts }
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files below a folder of the repository whose names end so, by their paths from its root.
pub fn files(folder: &str, ending: &str) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![root().join(folder)]);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let path = path.strip_prefix(root()).expect("below the root");
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

/// The sources below a folder of the repository.
pub fn sources(folder: &str) -> Vec<Source> {
    let read = |path: String| Source::new(&path, &std::fs::read_to_string(root().join(&path)).expect("a source"));
    files(folder, ".rs").into_iter().map(read).collect()
}

/// Files that are declared below `#[cfg(test)]`.
pub fn is_test(path: &str) -> bool {
    Path::new(path).file_name().is_some_and(|name| name == "tests.rs")
}

/// Whether a letter may be part of a name.
pub fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// The code of a source, and its texts with the places where they stand.
fn blanked(text: &str) -> (String, Vec<(usize, String)>) {
    let (mut code, mut texts, mut at) = (text.as_bytes().to_vec(), Vec::new(), 0);
    while at < text.len() {
        let after_name = at > 0 && is_name(text.as_bytes()[at - 1]);
        let Some((length, content)) = no_code(&text.as_bytes()[at..], after_name) else {
            if !code[at].is_ascii() {
                code[at] = b' ';
            }
            at += 1;
            continue;
        };
        if let Some((from, to)) = content {
            texts.push((at, text[at + from..at + to].to_owned()));
        }
        blank(&mut code[at..at + length]);
        if content.is_some() {
            (code[at], code[at + length - 1]) = (b'"', b'"');
        }
        at += length;
    }
    (String::from_utf8(code).expect("code is ASCII"), texts)
}

/// Where a piece ends, and where its content is if it is a text.
type Piece = (usize, Option<(usize, usize)>);

/// The comment, the text or the letter that begins here.
fn no_code(rest: &[u8], after_name: bool) -> Option<Piece> {
    let find = |what: u8, from: usize| rest[from..].iter().position(|b| *b == what).map_or(rest.len(), |at| from + at);
    match rest {
        [b'/', b'/', ..] => Some((find(b'\n', 0), None)),
        [b'/', b'*', ..] => Some((block_comment(rest), None)),
        [b'"', ..] => Some(quoted(rest, 0)),
        [b'b' | b'c', b'"', ..] if !after_name => Some(quoted(rest, 1)),
        [b'r', b'"' | b'#', ..] if !after_name => raw(rest, 1),
        [b'b', b'r', b'"' | b'#', ..] if !after_name => raw(rest, 2),
        [b'\'', b'\\', _, ..] => Some((find(b'\'', 3) + 1, None)),
        [b'\'', letter, ..] => {
            let width = if letter.is_ascii() { 1 } else { letter.leading_ones() as usize };
            (rest.get(1 + width) == Some(&b'\'')).then_some((width + 2, None))
        }
        _ => None,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// A text whose first quotation mark stands at `open`.
fn quoted(rest: &[u8], open: usize) -> Piece {
    let mut at = open + 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    let end = at.min(rest.len() - 1);
    (end + 1, Some((open + 1, end)))
}

/// A raw text whose `r` stands before `hashes`; none for a raw name.
fn raw(rest: &[u8], hashes: usize) -> Option<Piece> {
    let count = rest[hashes..].iter().take_while(|b| **b == b'#').count();
    let open = hashes + count;
    (rest.get(open) == Some(&b'"')).then(|| {
        let closing = [b"\"".as_slice(), &b"#".repeat(count)].concat();
        let length = rest[open + 1..].windows(closing.len()).position(|w| w == closing).unwrap_or(0);
        (open + 1 + length + closing.len(), Some((open + 1, open + 1 + length)))
    })
}

/// Where the items are that stand below `#[cfg(test)]`.
fn tests(code: &str) -> Vec<(usize, usize)> {
    code.match_indices("#[cfg(test)]").map(|(at, mark)| (at, item_end(code, at + mark.len()))).collect()
}

/// Where an item ends: with its block, or with a semicolon.
fn item_end(code: &str, from: usize) -> usize {
    body(code, from).map_or_else(|| code[from..].find(';').map_or(code.len(), |at| from + at + 1), |(_, end)| end)
}

/// The block `{ … }` of the item that begins here; none if a semicolon comes first.
pub fn body(code: &str, from: usize) -> Option<(usize, usize)> {
    let mut open = Vec::new();
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' | b'{' => open.push((at, byte)),
            b')' | b']' => drop(open.pop()),
            b'}' => match open.pop() {
                Some((begin, _)) if open.is_empty() => return Some((begin, at + 1)),
                Some(_) => {}
                None => return None,
            },
            b';' if open.is_empty() => return None,
            _ => {}
        }
    }
    None
}

/// Places of a word in the code.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let whole = move |at: &usize| {
        let (before, after) = (code[..*at].bytes().next_back(), code[at + word.len()..].bytes().next());
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    };
    code.match_indices(word).map(|(at, _)| at).filter(whole)
}

/// The name that begins a text.
pub fn name(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text.bytes().position(|b| !is_name(b)).unwrap_or(text.len())]
}

#[test]
fn comments_texts_and_tests_are_no_code() {
    let source = Source::new(
        "src/a.rs",
        "use a::b; // c::d\n/* e /* f */ g */ fn h<'a>(x: &'a str) -> char { \"i::\\\"j\" ; r#\"k\"l\"#; b\"m\"; '\"' }\n\
         #[cfg(test)]\nmod tests { fn n() { \"o\" } }\nfn p() { r#type::Q }\n",
    );
    assert_eq!(source.texts, ["i::\\\"j", "k\"l", "m"]);
    assert!(source.code.contains("fn n()") && !source.product.contains("fn n()"));
    assert_eq!(source.code.lines().count(), source.text.lines().count());
}
