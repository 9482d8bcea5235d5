//! Single values of a file.

use std::io::Read as _;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::problem::{Mark, Problems};
use super::shape::{Fields, Out, Shape};
use super::yaml::{Kind, Node};
use crate::clock::{Micros, NEVER};
use crate::crypto::public_key;

/// Fewest characters of a secret that somebody chose.
const SECRET: usize = 32;
/// Most of them.
const MAX_SECRET: usize = 200;
/// Largest file with a secret or a public key, in bytes.
const MAX_FILE: u64 = 16_384;

/// A text of so many characters.
#[derive(Debug, Clone, Default)]
pub struct Text<const MIN: usize, const MAX: usize> {
    /// Where it is.
    pub at: Mark,
    /// What it says.
    pub text: String,
}

/// An identifier, a name, a role.
pub type Name = Text<1, 200>;

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// One that is in no file.
    pub fn new(text: &str) -> Self {
        Self { at: Mark::default(), text: text.to_owned() }
    }
}

impl<const MIN: usize, const MAX: usize> Deref for Text<MIN, MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl<const MIN: usize, const MAX: usize> Shape for Text<MIN, MAX> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = scalar(node, problems)?;
        if !(MIN..=MAX).contains(&text.chars().count()) {
            problems.add(node.at, format!("a text of {MIN} to {MAX} characters belongs here"));
            return None;
        }
        Some(Self { at: node.at, text: text.to_owned() })
    }

    fn schema() -> Value {
        json!({"type": ["string", "integer"], "minLength": MIN, "maxLength": MAX})
    }

    fn write(&self) -> Out {
        Out::Text(self.text.clone())
    }
}

/// What a scalar says.
pub fn scalar<'n>(node: &'n Node, problems: &mut Problems) -> Option<&'n str> {
    if let Kind::Text { text, .. } = &node.kind {
        return Some(text);
    }
    problems.add(node.at, "a text belongs here");
    None
}

/// A list of texts of at most 2048 bytes, which may be empty.
#[derive(Debug, Clone, Default)]
pub struct Uris(pub Vec<Text<1, 2048>>);

impl Uris {
    /// What they say.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|uri| uri.text.clone()).collect()
    }
}

impl Shape for Uris {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let uris = Vec::<Text<1, 2048>>::read(node, problems)?;
        if uris.len() > 100 || uris.iter().any(|uri| uri.len() > 2048) {
            problems.add(node.at, "at most 100 texts of 2048 bytes belong here");
            return None;
        }
        Some(Self(uris))
    }

    fn schema() -> Value {
        let mut schema = Vec::<Text<1, 2048>>::schema();
        schema["maxItems"] = json!(100);
        schema
    }

    fn write(&self) -> Out {
        Out::List(self.0.iter().map(Shape::write).collect())
    }
}

/// A moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Time(pub Micros);

impl Time {
    /// When something ends; nothing is said of what never does.
    pub fn end(at: Micros) -> Option<Self> {
        (at != NEVER).then_some(Self(at))
    }
}

impl Shape for Time {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = scalar(node, problems)?;
        let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) else {
            problems.add(node.at, "a time belongs here, such as 2031-12-31T23:59:59Z");
            return None;
        };
        Some(Self(time.timestamp_micros()))
    }

    fn schema() -> Value {
        json!({"type": "string", "format": "date-time"})
    }

    fn write(&self) -> Out {
        let time = chrono::DateTime::from_timestamp_micros(self.0).unwrap_or_default();
        Out::Text(time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }
}

/// A length of time of at most five seconds: seconds and nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Skew(pub (i64, i32));

impl Shape for Skew {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = scalar(node, problems)?;
        let skew = || {
            let (seconds, fraction) = text.strip_suffix('s')?.split_once('.').unwrap_or((text.strip_suffix('s')?, ""));
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            let fits = seconds.len() == 1 && fraction.len() <= 9 && digits(seconds) && digits(fraction);
            let skew = fits.then_some((seconds.parse().ok()?, format!("{fraction:0<9}").parse().ok()?))?;
            (skew <= (5, 0)).then_some(Self(skew))
        };
        let skew = skew();
        if skew.is_none() {
            problems.add(node.at, "a time of 0s to 5s belongs here, such as 1.5s");
        }
        skew
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": r"^[0-5](\.[0-9]{1,9})?s$"})
    }

    fn write(&self) -> Out {
        let Self((seconds, nanos)) = self;
        let text = format!("{seconds}.{nanos:09}");
        Out::Text(format!("{}s", text.trim_end_matches('0').trim_end_matches('.')))
    }
}

/// A path that is written to.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// Where it is said.
    pub at: Mark,
    /// Which, beginning at the directory of the file.
    pub path: PathBuf,
}

impl Shape for Place {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = Text::<1, 4096>::read(node, problems)?;
        let path = problems.base.join(&text.text);
        if path.file_name().is_none() || text.ends_with('/') {
            problems.add(node.at, "the path of a file belongs here");
            return None;
        }
        Some(Self { at: node.at, path })
    }

    fn schema() -> Value {
        json!({"type": "string", "minLength": 1, "maxLength": 4096})
    }

    fn write(&self) -> Out {
        Out::Text(self.path.display().to_string())
    }
}

/// A client secret that somebody chose. It is never shown, logged or written.
#[derive(Default)]
pub struct Secret {
    /// Where it is.
    pub at: Mark,
    /// The secret.
    pub text: Zeroizing<String>,
}

impl Shape for Secret {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let at = node.at;
        let mut fields = Fields::of(node, problems)?;
        let value = fields.may::<Hidden>("value", problems);
        let file = fields.may::<Place>("file", problems);
        let env = fields.may::<Name>("env", problems);
        fields.end(&["value", "file", "env"], problems);
        let text = match (value?, file?, env?) {
            (Some(value), None, None) => value.0,
            (None, Some(file), None) => contents(&file.path, at, problems)?,
            (None, None, Some(name)) => variable(&name, problems)?,
            _ => {
                problems.add(at, "a secret has one of value, file and env");
                return None;
            }
        };
        let text = Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned());
        let fits = (SECRET..=MAX_SECRET).contains(&text.chars().count()) && text.bytes().all(|b| b.is_ascii_graphic());
        if !fits {
            let text = "a secret has 32 to 200 letters, digits and signs of ASCII, without blanks; \
                        a good one is made by: openssl rand -hex 32";
            problems.add(at, text);
            return None;
        }
        Some(Self { at, text })
    }

    fn schema() -> Value {
        json!({
            "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
            "properties": {
                "value": {"type": "string", "minLength": SECRET, "maxLength": MAX_SECRET,
                    "description": "The secret itself."},
                "file": {"type": "string", "description": "A file that holds the secret."},
                "env": {"type": "string", "description": "A variable of the environment that holds the secret."},
            },
        })
    }

    fn write(&self) -> Out {
        Out::Nothing
    }
}

/// A text that is wiped when dropped.
pub struct Hidden(pub Zeroizing<String>);

impl Shape for Hidden {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        Some(Self(Zeroizing::new(scalar(node, problems)?.to_owned())))
    }

    fn schema() -> Value {
        json!({"type": "string"})
    }

    fn write(&self) -> Out {
        Out::Nothing
    }
}

fn variable(name: &Name, problems: &mut Problems) -> Option<Zeroizing<String>> {
    let value = std::env::var(&name.text).ok().map(Zeroizing::new);
    if value.is_none() {
        problems.add(name.at, format!("the environment has no variable {}", super::problem::shown(name)));
    }
    value
}

/// What a small file holds.
fn contents(path: &Path, at: Mark, problems: &mut Problems) -> Option<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    // A pipe or a device might never end.
    let read = std::fs::metadata(path).and_then(|found| {
        if !found.is_file() {
            return Err(std::io::Error::other("it is no file"));
        }
        std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_string(&mut text)
    });
    match read {
        Ok(size) if size as u64 <= MAX_FILE => return Some(text),
        Ok(_) => problems.add(at, format!("{} has more than {MAX_FILE} bytes", path.display())),
        Err(error) => problems.add(at, format!("{} cannot be read: {error}", path.display())),
    }
    None
}

/// A public key that somebody brings.
#[derive(Debug, Clone, Default)]
pub struct PublicKey {
    /// SubjectPublicKeyInfo in DER.
    pub der: Vec<u8>,
}

impl PublicKey {
    /// As PEM.
    pub fn pem(&self) -> String {
        let text = STANDARD.encode(&self.der);
        let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
    }
}

impl Shape for PublicKey {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = match &node.kind {
            Kind::Map(_) => {
                let mut fields = Fields::of(node, problems)?;
                let file = fields.must::<Place>("file", problems);
                fields.end(&["file"], problems);
                contents(&file?.path, node.at, problems)?
            }
            _ => Zeroizing::new(scalar(node, problems)?.to_owned()),
        };
        let fits = text.len() as u64 <= MAX_FILE;
        match public_key::read(if fits { text.as_bytes() } else { b"" }) {
            Ok(der) => Some(Self { der }),
            Err(error) => {
                problems.add(node.at, error.message);
                None
            }
        }
    }

    fn schema() -> Value {
        json!({"oneOf": [
            {"type": "string", "description": "PEM public key, PEM certificate or JWK."},
            {"type": "object", "additionalProperties": false, "required": ["file"],
                "properties": {"file": {"type": "string", "description": "A file that holds the key."}}},
        ]})
    }

    fn write(&self) -> Out {
        Out::Lines(self.pem())
    }
}
