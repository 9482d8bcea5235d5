//! Where a client may ask to be told of a sign-out: nowhere that only this server may reach (contract,
//! `management-v1-wider.md`, section 6).
//!
//! The address is judged as it is written. Names are not resolved: a request would wait for somebody else's name
//! server, and its answer would tell a caller what there is in our network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};

/// Networks of version 4 that are not for strangers: address, and how many bits of it count.
const BLOCKED_V4: [([u8; 4], u32); 8] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
];

/// Whether a client may have this address; "" is none.
///
/// # Errors
/// `PROJECT-iZL2Ac` it is no address of HTTP, `PROJECT-msNebo` it is, or may be, in a network of our own.
pub fn check(uri: &str) -> Result<()> {
    if uri.is_empty() {
        return Ok(());
    }
    let wrong = || Error::invalid("PROJECT-iZL2Ac", "Errors.Project.App.Invalid.BackchannelLogoutURL");
    let host = host(uri).ok_or_else(wrong)?;
    if is_blocked(host) {
        return Err(Error::invalid("PROJECT-msNebo", "Errors.Project.App.Blocked.BackchannelLogoutURL"));
    }
    Ok(())
}

/// A host as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

/// The host of an absolute address of HTTP; none if it is none.
fn host(uri: &str) -> Option<Host<'_>> {
    let (scheme, rest) = uri.split_once("://")?;
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !known || uri.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    // What comes before is a user, whom the address may name.
    let place = authority.rsplit('@').next()?;
    if let Some(inner) = place.strip_prefix('[') {
        let (address, port) = inner.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return is_port(port).then_some(Host::Address(address.into()));
    }
    let (name, port) = place.find(':').map_or((place, ""), |at| place.split_at(at));
    let spelled = |c: char| c.is_alphanumeric() || "-._".contains(c);
    if name.is_empty() || !name.chars().all(spelled) || !is_port(port) {
        return None;
    }
    Some(name.parse::<Ipv4Addr>().map_or(Host::Name(name), |address| Host::Address(address.into())))
}

/// Whether this is nothing, or a port after its colon.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').map_or(text.is_empty(), |port| port.is_empty() || port.parse::<u16>().is_ok())
}

fn is_blocked(host: Host<'_>) -> bool {
    match host {
        Host::Address(IpAddr::V4(address)) => is_blocked_v4(address),
        Host::Address(IpAddr::V6(address)) => is_blocked_v6(address),
        Host::Name(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let last = name.rsplit('.').next().unwrap_or_default();
            // Programs read numbers in many spellings as addresses: 127.1, 2130706433, 0x7f.1.
            let number =
                last.starts_with(|c: char| c.is_ascii_digit()) && last.bytes().all(|b| b.is_ascii_alphanumeric());
            last == "localhost" || last.is_empty() || number
        }
    }
}

fn is_blocked_v4(address: Ipv4Addr) -> bool {
    let address = address.to_bits();
    BLOCKED_V4.iter().any(|(network, bits)| (address ^ Ipv4Addr::from(*network).to_bits()) >> (32 - bits) == 0)
}

/// Addresses of version 4 in those of version 6 count as what they are.
fn is_blocked_v6(address: Ipv6Addr) -> bool {
    let translated = match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => address.to_ipv4(),
    };
    translated.is_some_and(is_blocked_v4)
        || address.is_unspecified()
        || address.is_loopback()
        || address.is_unique_local()
        || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(uri: &str) -> &'static str {
        check(uri).err().map_or("", |error| error.id)
    }

    #[test]
    fn addresses_of_our_own_networks_are_refused_in_every_spelling() {
        for fine in [
            "",
            "https://203.0.113.7/bcl",
            "HTTPS://app.example.com:8443/out?a=b#c",
            "https://user@app.example.com",
            "https://[2001:db8::1]:443/",
            "https://bücher.example/",
            "https://localhost.example/",
            "https://172.32.0.1/",
            "https://1a.example/",
        ] {
            assert_eq!(told(fine), "", "{fine}");
        }
        for blocked in [
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost:80/",
            "http://10.1.2.3/bcl",
            "http://100.127.255.255/",
            "http://127.0.0.1:80/",
            "http://169.254.169.254/latest",
            "http://172.31.0.1/",
            "http://192.168.0.1/",
            "http://198.19.0.1/",
            "http://0.0.0.0/",
            "http://user@127.0.0.1/",
            "http://app.example.com@127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0x7f000001/",
            "http://[::1]/",
            "http://[::]/",
            "http://[fd00::1]/",
            "http://[fe80::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a00:1]/",
            "http://[64:ff9b::7f00:1]/",
        ] {
            assert_eq!(told(blocked), "PROJECT-msNebo", "{blocked}");
        }
        for wrong in [
            "app.example.com",
            "//app.example.com",
            "ftp://app.example.com/",
            "https://",
            "https:///a",
            "https://:80/",
            "https://a.example:x/",
            "https://a.example:99999/",
            "https://[::1/",
            "https://[fe80::1%25eth0]/",
            "https://%6cocalhost/",
            "https://a b.example/",
            "https://a.example\\@127.0.0.1/",
            "https://a.example/\n",
        ] {
            assert_eq!(told(wrong), "PROJECT-iZL2Ac", "{wrong}");
        }
    }
}
