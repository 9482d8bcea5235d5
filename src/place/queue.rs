//! Places for requests in work, handed on in turns: between networks first, then between the
//! connections of a network, so that nobody waits behind the crowd of somebody else.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::peer::Peer;

/// A number of places and a bounded queue for them. Cheap to clone.
#[derive(Clone)]
pub struct Places(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    size: usize,
    /// Requests that may wait.
    queue: usize,
}

struct State {
    free: usize,
    waiting: usize,
    /// Number of the next waiter.
    next: u64,
    turns: VecDeque<u128>,
    networks: HashMap<u128, Network>,
}

#[derive(Default)]
struct Network {
    waiting: usize,
    turns: VecDeque<u64>,
    connections: HashMap<u64, VecDeque<Waiter>>,
}

struct Waiter {
    number: u64,
    tell: oneshot::Sender<Place>,
}

/// A place; given back when dropped. It is empty only on its way through `Inner::hand_on`.
pub struct Place {
    of: Option<Arc<Inner>>,
    peer: Peer,
}

impl Place {
    /// Gives the place back; says where and for whom another one can be taken later.
    pub(super) fn leave(mut self) -> Option<(Places, Peer)> {
        let of = self.of.take()?;
        Arc::clone(&of).hand_on();
        Some((Places(of), self.peer))
    }
}

/// The queue has no room for this peer.
#[derive(Debug)]
pub struct Full;

impl Places {
    /// `size` places, for which at most `queue` requests wait.
    pub fn new(size: usize, queue: usize) -> Self {
        let state = State { free: size, waiting: 0, next: 0, turns: VecDeque::new(), networks: HashMap::new() };
        Self(Arc::new(Inner { state: Mutex::new(state), size, queue }))
    }

    /// A place, at once or in turn.
    ///
    /// # Errors
    /// The share of the peer in the queue is used up: a network may wait in as many places as are left
    /// free by all, a connection in half as many, so that there is always room for another one.
    pub async fn take(&self, peer: Peer) -> Result<Place, Full> {
        let (number, told) = {
            let mut state = self.0.lock();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Place { of: Some(Arc::clone(&self.0)), peer });
            }
            state.enqueue(peer, self.0.queue)?
        };
        let mut turn = Turn { places: &self.0, peer, number, over: false };
        let place = told.await.map_err(|_| Full);
        turn.over = true;
        place
    }

    /// Places taken, and requests that wait for one.
    pub fn level(&self) -> (usize, usize) {
        let state = self.0.lock();
        (self.0.size - state.free, state.waiting)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a place to whoever's turn it is.
    fn hand_on(self: Arc<Self>) {
        loop {
            let (waiter, peer) = {
                let mut state = self.lock();
                let Some((waiter, peer)) = state.dequeue() else {
                    state.free += 1;
                    return;
                };
                (waiter, peer)
            };
            match waiter.tell.send(Place { of: Some(Arc::clone(&self)), peer }) {
                Ok(()) => return,
                // It has gone away meanwhile; the next one, without another round of this function.
                Err(mut place) => drop(place.of.take()),
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(inner) = self.of.take() {
            inner.hand_on();
        }
    }
}

impl State {
    fn enqueue(&mut self, peer: Peer, queue: usize) -> Result<(u64, oneshot::Receiver<Place>), Full> {
        let left = queue - self.waiting;
        let network = self.networks.get(&peer.network);
        let of_network = network.map_or(0, |n| n.waiting);
        let of_connection = network.and_then(|n| n.connections.get(&peer.connection)).map_or(0, VecDeque::len);
        if of_network >= left || of_connection >= left.div_ceil(2) {
            return Err(Full);
        }
        let (tell, told) = oneshot::channel();
        self.next += 1;
        self.waiting += 1;
        let network = self.networks.entry(peer.network).or_default();
        if network.waiting == 0 {
            self.turns.push_back(peer.network);
        }
        network.waiting += 1;
        let connection = network.connections.entry(peer.connection).or_default();
        if connection.is_empty() {
            network.turns.push_back(peer.connection);
        }
        connection.push_back(Waiter { number: self.next, tell });
        Ok((self.next, told))
    }

    fn dequeue(&mut self) -> Option<(Waiter, Peer)> {
        let turn = self.turns.pop_front()?;
        let network = self.networks.get_mut(&turn)?;
        let connection_turn = network.turns.pop_front()?;
        let connection = network.connections.get_mut(&connection_turn)?;
        let waiter = connection.pop_front()?;
        if connection.is_empty() {
            network.connections.remove(&connection_turn);
        } else {
            network.turns.push_back(connection_turn);
        }
        network.waiting -= 1;
        self.waiting -= 1;
        if network.waiting == 0 {
            self.networks.remove(&turn);
        } else {
            self.turns.push_back(turn);
        }
        Some((waiter, Peer { network: turn, connection: connection_turn }))
    }

    /// Takes one out of the queue that does not want to wait any more.
    fn leave(&mut self, peer: Peer, number: u64) {
        let Some(network) = self.networks.get_mut(&peer.network) else { return };
        let Some(connection) = network.connections.get_mut(&peer.connection) else { return };
        let Some(at) = connection.iter().position(|w| w.number == number) else { return };
        connection.remove(at);
        if connection.is_empty() {
            network.connections.remove(&peer.connection);
            network.turns.retain(|turn| *turn != peer.connection);
        }
        network.waiting -= 1;
        self.waiting -= 1;
        if network.waiting == 0 {
            self.networks.remove(&peer.network);
            self.turns.retain(|turn| *turn != peer.network);
        }
    }
}

/// A waiter's presence in the queue.
struct Turn<'a> {
    places: &'a Inner,
    peer: Peer,
    number: u64,
    /// Whether it has left the queue already, in turn.
    over: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.places.lock().leave(self.peer, self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;

    use futures_util::FutureExt as _;

    use super::*;

    type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Place, Full>> + 'a>>;

    fn peer(network: u128, connection: u64) -> Peer {
        Peer { network, connection }
    }

    /// A request that waits already.
    fn wait(places: &Places, peer: Peer) -> Waiting<'_> {
        let mut waiting: Waiting<'_> = Box::pin(places.take(peer));
        assert!((&mut waiting).now_or_never().is_none(), "no place is free");
        waiting
    }

    #[tokio::test]
    async fn networks_and_connections_take_turns() {
        let places = Places::new(1, 100);
        let mut place = places.take(peer(1, 1)).await.ok();
        let crowd = [(1, 1), (1, 1), (1, 1), (1, 2), (2, 3)];
        let mut waiting: Vec<_> = crowd.map(|(n, c)| ((n, c), wait(&places, peer(n, c)))).into();
        let mut served = Vec::new();
        while !waiting.is_empty() {
            drop(place.take());
            let ready = waiting.iter_mut().position(|(_, w)| {
                place = w.now_or_never().and_then(Result::ok);
                place.is_some()
            });
            served.push(waiting.remove(ready.expect("a place is handed on")).0);
        }
        assert_eq!(served, [(1, 1), (2, 3), (1, 2), (1, 1), (1, 1)], "not in the order of arrival");
        assert_eq!(places.level(), (1, 0));
        drop(place);
        assert_eq!(places.level(), (0, 0));
    }

    #[tokio::test]
    async fn nobody_holds_all_places_of_the_queue() {
        let places = Places::new(1, 24);
        let _place = places.take(peer(1, 1)).await;
        let mut waiting = Vec::new();
        let mut fill = |network: u128, connection: u64| {
            let mut count = 0;
            loop {
                let mut one: Waiting<'_> = Box::pin(places.take(peer(network, connection)));
                match (&mut one).now_or_never() {
                    None => waiting.push(one),
                    Some(outcome) => break assert!(outcome.is_err()),
                }
                count += 1;
            }
            count
        };
        assert_eq!(fill(1, 1), 8, "a third for one connection");
        assert_eq!((2..20).map(|c| fill(1, c)).sum::<usize>(), 4, "half for one network");
        assert!(fill(2, 100) > 0, "there is room for another network");
        assert!(fill(3, 101) > 0, "and another");
        drop(waiting);
        assert_eq!(places.level(), (1, 0), "who goes away does not wait");
    }

    #[tokio::test]
    async fn a_place_for_one_that_went_away_is_handed_on() {
        let places = Places::new(1, 10);
        let place = places.take(peer(1, 1)).await;
        let (gone, stays) = (wait(&places, peer(1, 1)), wait(&places, peer(1, 1)));
        drop(place);
        // It has been given the place but never looked.
        drop(gone);
        assert!(stays.now_or_never().is_some_and(|p| p.is_ok()));
        assert_eq!(places.level(), (0, 0));
    }
}
