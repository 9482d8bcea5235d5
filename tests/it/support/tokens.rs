//! Tokens of the recorded OAuth calls, made anew for our server as `tests/golden/tokens.txt` says.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

use super::oauth::Signer;
use super::text;

const RECIPES: &str = include_str!("../../golden/tokens.txt");

/// Everything that is needed to make the tokens: our answers so far, and who we are.
pub struct Tokens {
    pub answers: HashMap<String, Value>,
    pub issuer: String,
    pub admin: String,
    /// Seconds since 1970.
    pub now: i64,
}

/// Recorded texts that have a name: literal and name.
pub fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
    lines().filter(|parts| parts[0] == "alias").map(|parts| (parts[1], parts[2]))
}

fn lines() -> impl Iterator<Item = [&'static str; 3]> {
    RECIPES.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).map(|line| {
        let parts: Vec<&str> = line.split(" | ").collect();
        parts.try_into().unwrap_or_else(|_| panic!("tokens.txt: {line}"))
    })
}

impl Tokens {
    /// The token of a parameter of a recording; none if the list has no line for it.
    pub fn of(&self, n: &str, parameter: &str) -> Option<String> {
        let mut recipes = lines().filter(|p| p[0].split(' ').any(|m| m == n) && p[1] == parameter);
        let recipe = recipes.next()?[2];
        assert!(recipes.next().is_none(), "tokens.txt has two lines for {n} {parameter}");
        Some(self.make(recipe))
    }

    fn make(&self, recipe: &str) -> String {
        let words: Vec<&str> = recipe.split(' ').collect();
        let answer = |n: &str| self.answers.get(n).unwrap_or_else(|| panic!("{recipe}: no answer {n} yet"));
        match words[0] {
            "admin" => self.admin.clone(),
            "access" => text(answer(words[1]), "/access_token"),
            "id" => text(answer(words[1]), "/id_token"),
            "pat" => text(answer(words[1]), "/token"),
            "sign" => self.sign(answer(words[1]), &words[2..]),
            other => panic!("tokens.txt: {other}"),
        }
    }

    fn sign(&self, answer: &Value, words: &[&str]) -> String {
        let mut signer = Signer::of(answer, self.issuer.clone(), self.now);
        let (mut claims, mut algorithm) = (signer.claims(), Algorithm::RS256);
        let mut tampered = false;
        for word in words {
            match word.split_once('=') {
                Some(("kid", id)) => signer.kid = self.id(id),
                Some(("alg", name)) => algorithm = name.parse().expect("an algorithm"),
                Some((name @ ("iat" | "exp"), seconds)) => {
                    let seconds: i64 = seconds.parse().expect("seconds");
                    claims.insert(name.to_owned(), (self.now + seconds).into());
                }
                Some((name, value)) => drop(claims.insert(name.to_owned(), self.id(value).into())),
                None if *word == "tampered" => tampered = true,
                None => drop(claims.remove(word.trim_start_matches('-'))),
            }
        }
        let token = match algorithm {
            Algorithm::HS256 => {
                let key = EncodingKey::from_secret(signer.pem.as_bytes());
                signer.sign_with(&claims, algorithm, &key)
            }
            _ => signer.sign(&claims, algorithm),
        };
        if tampered { tamper(&token) } else { token }
    }

    /// `@N` is the id of the key in answer N, or the client id of the application in it.
    fn id(&self, word: &str) -> String {
        match word.strip_prefix('@') {
            Some(n) => ["/id", "/clientId"].map(|p| text(&self.answers[n], p)).concat(),
            None => word.to_owned(),
        }
    }
}

/// The key file in an answer of AddAppKey or AddMachineKey.
pub fn key_file(answer: &Value) -> Value {
    let file = STANDARD.decode(text(answer, "/keyDetails")).expect("base64");
    serde_json::from_slice(&file).expect("a key file")
}

/// The same token with another character in its signature or secret.
pub fn tamper(token: &str) -> String {
    let at = token.rfind('.').unwrap_or(20) + 10;
    let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
