//! Where a request comes from, as far as fairness goes.

use std::net::IpAddr;

use axum::http::Extensions;

/// The connection of a request and the network at its other end. The listener puts one into the
/// extensions of each request; shares of places and of memory are counted by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The address, or for IPv6 the 64 bits that one subscriber is given.
    pub network: u128,
    /// A number of its own for each connection.
    pub connection: u64,
}

impl Peer {
    /// The peer of a connection from `address`, whose number no other connection of the process has.
    pub fn new(address: IpAddr, connection: u64) -> Self {
        Self { network: network(address), connection }
    }

    /// The peer of a request; all requests without one count as one connection.
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self { network: 0, connection: 0 })
    }
}

fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        // An attacker has as many addresses below its prefix as it likes.
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_subscriber_are_one_network() {
        let of = |address: &str| network(address.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
