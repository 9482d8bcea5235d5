//! gRPC-web in its text form: the binary form in base64, both ways, for clients that cannot read
//! bytes. connectrpc speaks the binary form only, so this wraps it. Both directions work as the bytes
//! come, with the same small amount of work for each.

use axum::body::{Body, HttpBody as _};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes};
use futures_util::stream;
use http_body_util::BodyExt as _;

use crate::error::{Code, Error, Result};

const TEXT: &[u8] = b"application/grpc-web-text";
const BINARY: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");
const ANSWER: HeaderValue = HeaderValue::from_static("application/grpc-web-text+proto");
/// Bytes that are encoded at once; a multiple of three.
const PIECE: usize = 48 << 10;

/// Whether a request is in the text form.
pub fn is_text(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(TEXT))
}

/// Makes the head of a request in text form that of the same request in binary form.
pub fn to_binary(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, BINARY);
    headers.remove(header::CONTENT_LENGTH);
}

/// The answer in text form.
pub fn text(response: Response<Body>) -> Response<Body> {
    let (mut head, body) = response.into_parts();
    head.headers.insert(header::CONTENT_TYPE, ANSWER);
    head.headers.remove(header::CONTENT_LENGTH);
    if body.is_end_stream() {
        return Response::from_parts(head, body);
    }
    let encoded = Encoded { body, rest: Bytes::new(), over: Vec::new() };
    let pieces = stream::unfold(encoded, |mut encoded| async move { Some((encoded.next().await?, encoded)) });
    Response::from_parts(head, Body::from_stream(pieces))
}

/// Base64 in pieces: each may end with padding, and the next begins after it. Padding is required by the
/// protocol and forgotten by some clients.
#[derive(Default)]
pub struct Decoder {
    /// Up to four characters that are not decoded yet.
    bits: u32,
    characters: u8,
    padding: u8,
}

impl Decoder {
    /// Takes in characters; what they say goes to `out`, which grows by at most three bytes for four of
    /// them and two that were left over.
    ///
    /// # Errors
    /// Code 3 when they are no base64.
    pub fn feed(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
        text.iter().try_for_each(|character| self.push(*character, out)).ok_or_else(no_base64)
    }

    /// The end of the text.
    ///
    /// # Errors
    /// Code 3 when it ends in the middle.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<()> {
        match (self.characters, self.padding) {
            (0, _) => Some(()),
            (_, 0) => self.close(out),
            _ => None,
        }
        .ok_or_else(no_base64)
    }

    /// One character: a constant amount of work.
    fn push(&mut self, character: u8, out: &mut Vec<u8>) -> Option<()> {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => return self.pad(out),
            blank if blank.is_ascii_whitespace() => return Some(()),
            _ => return None,
        };
        if self.padding > 0 {
            return None;
        }
        self.bits = self.bits << 6 | u32::from(value);
        self.characters += 1;
        if self.characters == 4 {
            out.extend_from_slice(&self.bits.to_be_bytes()[1..]);
            *self = Self::default();
        }
        Some(())
    }

    fn pad(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.padding += 1;
        if self.characters < 2 {
            return None;
        }
        if self.characters + self.padding == 4 { self.close(out) } else { Some(()) }
    }

    /// Ends a piece of two or three characters, whose last bits must be zero.
    fn close(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let (spare, bytes) = match self.characters {
            2 => (4, 1),
            3 => (2, 2),
            _ => return None,
        };
        if self.bits & ((1 << spare) - 1) != 0 {
            return None;
        }
        let bits = self.bits >> spare;
        out.extend_from_slice(&bits.to_be_bytes()[4 - bytes..]);
        *self = Self::default();
        Some(())
    }
}

fn no_base64() -> Error {
    Error::native(Code::InvalidArgument, "the body is not base64; send grpc-web-text frames in base64")
}

/// A body in base64.
struct Encoded {
    body: Body,
    /// Of the last frame, what is not encoded yet.
    rest: Bytes,
    /// Up to two bytes that wait for a third.
    over: Vec<u8>,
}

impl Encoded {
    /// The next piece; none at the end.
    async fn next(&mut self) -> Option<std::result::Result<Bytes, axum::Error>> {
        loop {
            if !self.rest.is_empty()
                && let Some(piece) = self.piece()
            {
                return Some(Ok(piece));
            }
            match self.body.frame().await {
                // Trailers of gRPC-web are in its body.
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
                Some(Err(e)) => return Some(Err(e)),
                None if self.over.is_empty() => return None,
                None => return Some(Ok(STANDARD.encode(std::mem::take(&mut self.over)).into())),
            }
        }
    }

    /// The next piece of what is there; none if there is too little.
    fn piece(&mut self) -> Option<Bytes> {
        let mut bytes = std::mem::take(&mut self.over);
        let take = self.rest.len().min(PIECE - bytes.len());
        bytes.extend_from_slice(&self.rest[..take]);
        self.rest.advance(take);
        self.over = bytes.split_off(bytes.len() / 3 * 3);
        (!bytes.is_empty()).then(|| STANDARD.encode(&bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> Option<Vec<u8>> {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        for piece in pieces {
            decoder.feed(piece, &mut out).ok()?;
        }
        decoder.finish(&mut out).ok()?;
        Some(out)
    }

    #[test]
    fn pieces_with_and_without_padding_are_read() {
        for (text, bytes) in [("", ""), ("YQ==", "a"), ("YQ", "a"), ("YQ==Yg==", "ab"), ("YWJj\nZA==", "abcd")] {
            assert_eq!(decode(&[text.as_bytes()]).as_deref(), Some(bytes.as_bytes()), "{text}");
            let single: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(decode(&single).as_deref(), Some(bytes.as_bytes()), "{text} byte by byte");
        }
        for bad in ["=", "====", "Y", "Y===", "YQ=x", "YQ=", "YQ=Y", "YR==", "YWK=", "YWJj=", "é"] {
            assert_eq!(decode(&[bad.as_bytes()]), None, "{bad}");
        }
    }

    /// Nothing is kept between two characters but the piece they are in: the work for each is the same
    /// wherever it stands.
    #[test]
    fn the_decoder_remembers_one_piece_only() {
        let (mut decoder, mut out) = (Decoder::default(), Vec::new());
        for count in 1..=100_000 {
            decoder.feed(b"YQ==", &mut out).expect("base64");
            assert_eq!((out.len(), decoder.bits, decoder.characters, decoder.padding), (count, 0, 0, 0));
        }
        assert_eq!(std::mem::size_of::<Decoder>(), 8);
    }

    #[test]
    fn answers_are_encoded_piece_by_piece() {
        let whole: Vec<u8> = (0..200_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        for size in [1, 2, 3, 1000, 100_000] {
            let frames: Vec<_> = whole.chunks(size).map(|c| Ok::<_, axum::Error>(Bytes::copy_from_slice(c))).collect();
            let body = Body::from_stream(stream::iter(frames));
            let mut answer = text(Response::new(body)).into_body();
            let mut encoded = Vec::new();
            while let Some(frame) = answer.frame().now_or_never().expect("all is there") {
                let data = frame.expect("fine").into_data().expect("data");
                assert!(data.len() <= PIECE / 3 * 4, "bounded work at once");
                encoded.extend_from_slice(&data);
            }
            assert_eq!(STANDARD.decode(&encoded).expect("one text"), whole, "frames of {size}");
        }
    }
}
