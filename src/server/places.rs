//! Places for connections: so many in total, so many for one client address. Where none is free, one that
//! says nothing gives way; the table of seats is small and all steps are bounded.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::limits::Limits;
use super::track::Track;

/// Seats looked at to find one that can be given to another. A look at all of them would be work that a
/// stranger can ask for as often as he connects.
const LOOKED_AT: usize = 64;
/// How long a connection that has been used must have been quiet to lose its place: its client may be
/// just about to ask again.
const RECENT: Duration = Duration::from_secs(5);

/// Connections that end at once for want of descriptors: enough that a flood of silent ones cannot make
/// others wait for long.
const ROOM: usize = 32;

/// The places of a server.
#[derive(Debug)]
pub(super) struct Places {
    total: usize,
    per_address: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    all: Vec<Seat>,
    by_address: HashMap<Ipv6Addr, Vec<Seat>>,
    /// Where the next look begins.
    hand: usize,
}

#[derive(Debug, Clone)]
struct Seat {
    address: Ipv6Addr,
    track: Arc<Track>,
}

/// The right to be connected; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    seat: Seat,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let table = Mutex::default();
        Arc::new(Self { total: limits.connections, per_address: limits.per_address, table })
    }

    /// A place for a connection, or none. A connection of the same address that has not spoken yet gives
    /// way where the address has too many, and any quiet one where there are too many in all.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, track: &Arc<Track>) -> Option<Place> {
        let seat = Seat { address: network(address), track: Arc::clone(track) };
        let mut table = self.table();
        let hand = table.hand;
        let neighbours = table.by_address.get(&seat.address);
        if let Some(neighbours) = neighbours.filter(|n| n.len() >= self.per_address) {
            let silent = window(neighbours, hand).filter(|s| !s.track.has_spoken());
            let victim = silent.max_by_key(|s| s.track.quiet()).cloned()?;
            table.evict(&victim);
        } else if table.all.len() >= self.total {
            let victim = table.quietest()?;
            table.evict(&victim);
        }
        table.add(&seat);
        drop(table);
        Some(Place { places: Arc::clone(self), seat })
    }

    /// Takes places from quiet connections, for want of descriptors.
    pub(super) fn make_room(&self) {
        let mut table = self.table();
        for _ in 0..ROOM {
            let Some(victim) = table.quietest() else { return };
            table.evict(&victim);
        }
    }

    /// Places taken.
    pub(super) fn taken(&self) -> usize {
        self.table().all.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.table().remove(&self.seat);
    }
}

impl Table {
    fn add(&mut self, seat: &Seat) {
        sit(&mut self.all, seat, 0);
        sit(self.by_address.entry(seat.address).or_default(), seat, 1);
    }

    /// Nothing happens if the seat was taken away before.
    fn remove(&mut self, seat: &Seat) {
        rise(&mut self.all, seat, 0);
        if let Some(neighbours) = self.by_address.get_mut(&seat.address) {
            rise(neighbours, seat, 1);
            if neighbours.is_empty() {
                self.by_address.remove(&seat.address);
            }
        }
    }

    fn evict(&mut self, seat: &Seat) {
        self.remove(seat);
        seat.track.evicted.store(true, Relaxed);
        seat.track.wake.notify_one();
    }

    /// Among some seats: one that never spoke goes before one that did, one of an address with many
    /// before one of an address with few, and then the one that has been quiet for longest.
    fn quietest(&mut self) -> Option<Seat> {
        let hand = self.hand;
        self.hand = hand.wrapping_add(LOOKED_AT);
        let weigh = |seat: &Seat| {
            let quiet = seat.track.quiet()?;
            let silent = !seat.track.has_spoken();
            let many = self.by_address.get(&seat.address).map_or(0, Vec::len);
            (silent || quiet >= RECENT).then(|| ((silent, many, quiet), seat.clone()))
        };
        window(&self.all, hand).filter_map(weigh).max_by_key(|(weight, _)| *weight).map(|(_, seat)| seat)
    }
}

/// A part of the seats, beginning somewhere.
fn window(seats: &[Seat], hand: usize) -> impl Iterator<Item = &Seat> {
    let start = hand.checked_rem(seats.len()).unwrap_or(0);
    seats[start..].iter().chain(&seats[..start]).take(LOOKED_AT)
}

fn sit(seats: &mut Vec<Seat>, seat: &Seat, which: usize) {
    seat.track.seat[which].store(seats.len(), Relaxed);
    seats.push(seat.clone());
}

fn rise(seats: &mut Vec<Seat>, seat: &Seat, which: usize) {
    let at = seat.track.seat[which].swap(usize::MAX, Relaxed);
    if at < seats.len() {
        seats.swap_remove(at);
        if let Some(moved) = seats.get(at) {
            moved.track.seat[which].store(at, Relaxed);
        }
    }
}

/// What counts as one client: an IPv4 address, or a /64 of IPv6, which is the least that one customer of
/// a provider gets.
fn network(address: IpAddr) -> Ipv6Addr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)),
    }
}

#[cfg(test)]
mod tests;
