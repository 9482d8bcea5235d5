//! A bounded queue in which organizations take turns.
//!
//! What is handed out goes to the organization that has waited longest for its turn, and within one to
//! who came first. An organization that asks for much therefore waits for its own requests, not others
//! for them. When the queue is full, whoever has less than an equal share of it still gets in: the last
//! caller of the longest line goes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot::{self, Receiver, Sender};

/// Callers that wait for things of type `T`.
pub(super) struct Turns<T> {
    most: usize,
    waiting: usize,
    /// Tickets and arrivals are numbered, so that who came first is told.
    count: u64,
    /// The turn that was served last. An organization that has no line joins at this one, so that its
    /// absence earns it nothing and costs it nothing.
    round: u64,
    lines: HashMap<Arc<str>, Line<T>>,
    /// Turn and arrival of each organization with callers: the first one is next.
    order: BTreeMap<(u64, u64), Arc<str>>,
}

/// The callers of one organization. It stays a while when they are gone, so that leaving the line and
/// coming back is no way to be served more often.
struct Line<T> {
    turn: u64,
    arrival: u64,
    callers: VecDeque<(u64, Sender<T>)>,
}

/// A place in the queue. The receiver fails when the caller was sent away after all.
pub(super) struct Ticket<T> {
    pub organization: Arc<str>,
    pub number: u64,
    pub handed: Receiver<T>,
}

/// The queue is full, and the organization has its share of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl<T> Turns<T> {
    /// A queue of at most `most` callers.
    pub fn new(most: usize) -> Self {
        Self { most, waiting: 0, count: 0, round: 0, lines: HashMap::new(), order: BTreeMap::new() }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Queues up; also says whether somebody else had to go for it.
    pub fn join(&mut self, organization: &str) -> Result<(Ticket<T>, bool), Full> {
        let full = self.waiting >= self.most;
        if full {
            self.make_room(organization)?;
        }
        let (hand, handed) = oneshot::channel();
        self.count += 1;
        let number = self.count;
        let organization: Arc<str> = organization.into();
        let new = || Line { turn: self.round, arrival: number, callers: VecDeque::new() };
        let line = self.lines.entry(Arc::clone(&organization)).or_insert_with(new);
        if line.callers.is_empty() {
            line.turn = line.turn.max(self.round);
            line.arrival = number;
            self.order.insert((line.turn, line.arrival), Arc::clone(&organization));
        }
        line.callers.push_back((number, hand));
        self.waiting += 1;
        Ok((Ticket { organization, number, handed }, full))
    }

    /// Takes a caller out who wants nothing any more; false if it is not in the queue.
    pub fn leave(&mut self, organization: &str, number: u64) -> bool {
        let Some(line) = self.lines.get_mut(organization) else { return false };
        let Ok(at) = line.callers.binary_search_by_key(&number, |(number, _)| *number) else { return false };
        line.callers.remove(at);
        self.left(organization);
        true
    }

    /// Hands something to whose turn it is; gives it back if nobody waits.
    pub fn hand(&mut self, mut thing: T) -> Result<(), T> {
        while let Some(((turn, _), organization)) = self.order.pop_first() {
            let Some(line) = self.lines.get_mut(&organization) else { continue };
            let Some((_, hand)) = line.callers.pop_front() else { continue };
            self.waiting -= 1;
            self.count += 1;
            (line.turn, line.arrival) = (turn + 1, self.count);
            if !line.callers.is_empty() {
                self.order.insert((line.turn, line.arrival), organization);
            }
            self.begin(turn);
            match hand.send(thing) {
                Ok(()) => return Ok(()),
                Err(back) => thing = back,
            }
        }
        Err(thing)
    }

    /// Sends everybody away.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.order.clear();
        self.waiting = 0;
    }

    /// Forgets lines that nobody stands in and whose organizations would be served as if they were new.
    fn begin(&mut self, round: u64) {
        if self.order.is_empty() {
            self.lines.clear();
            self.round = 0;
        } else if round > self.round {
            self.round = round;
            self.lines.retain(|_, line| !line.callers.is_empty() || line.turn > round);
        }
    }

    /// Sends the last caller of the longest line away, if that line stays at least as long as the one of
    /// the organization becomes.
    fn make_room(&mut self, organization: &str) -> Result<(), Full> {
        let own = self.lines.get(organization).map_or(0, |line| line.callers.len());
        let longest = self.lines.iter().max_by_key(|(_, line)| line.callers.len());
        let (longest, _) = longest.filter(|(_, line)| line.callers.len() > own + 1).ok_or(Full)?;
        let longest = Arc::clone(longest);
        self.lines.get_mut(&longest).and_then(|line| line.callers.pop_back()).ok_or(Full)?;
        self.left(&longest);
        Ok(())
    }

    /// Follows up on a caller who went without being served.
    fn left(&mut self, organization: &str) {
        self.waiting -= 1;
        let Some(line) = self.lines.get(organization).filter(|line| line.callers.is_empty()) else { return };
        self.order.remove(&(line.turn, line.arrival));
        if line.turn <= self.round {
            self.lines.remove(organization);
        }
        self.begin(self.round);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Queues up callers, and says in which order they are served.
    fn served(turns: &mut Turns<usize>, mut tickets: Vec<(&'static str, Ticket<usize>)>) -> Vec<&'static str> {
        let mut order = vec![""; tickets.len()];
        let mut next = 0;
        while turns.hand(next).is_ok() {
            next += 1;
        }
        for (name, ticket) in &mut tickets {
            if let Ok(at) = ticket.handed.try_recv() {
                order[at] = *name;
            }
        }
        order.truncate(next);
        order
    }

    fn join(turns: &mut Turns<usize>, organization: &str) -> Ticket<usize> {
        turns.join(organization).expect("there is room").0
    }

    #[test]
    fn organizations_take_turns_and_the_first_of_one_comes_first() {
        let mut turns = Turns::new(10);
        let all = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("b2", "b"), ("c1", "c")];
        let tickets = all.map(|(name, organization)| (name, join(&mut turns, organization))).into();
        assert_eq!(served(&mut turns, tickets), ["a1", "b1", "c1", "a2", "b2", "a3"]);
        assert_eq!((turns.waiting(), turns.lines.len()), (0, 0), "nothing is left behind");
    }

    #[test]
    fn who_comes_late_comes_next_but_coming_back_is_no_way_to_the_front() {
        let mut turns = Turns::new(10_000);
        let mut many: Vec<_> = (0..1200).map(|_| join(&mut turns, "many")).collect();
        turns.hand(0).expect("somebody waits");
        let mut served = 0;
        for _ in 0..50 {
            // One call after the other, each as soon as the one before is answered.
            let mut one = join(&mut turns, "one");
            while one.handed.try_recv().is_err() {
                turns.hand(0).expect("somebody waits");
                served += 1;
            }
        }
        assert_eq!(served, 99, "the first was next; then each of both in turn");
        assert_eq!(many.iter_mut().filter_map(|t| t.handed.try_recv().ok()).count(), 50);
    }

    #[test]
    fn who_leaves_is_not_served() {
        let mut turns = Turns::new(10);
        let (first, second, other) = (join(&mut turns, "a"), join(&mut turns, "a"), join(&mut turns, "b"));
        assert!(turns.leave("a", first.number) && !turns.leave("a", first.number) && !turns.leave("c", 1));
        assert!(turns.leave("b", other.number));
        assert_eq!(turns.waiting(), 1);
        assert_eq!(served(&mut turns, vec![("second", second)]), ["second"]);
        assert_eq!(turns.hand(7), Err(7), "nobody waits");
        // A receiver that is gone without a word costs nothing.
        drop(join(&mut turns, "a"));
        let last = join(&mut turns, "b");
        assert_eq!(served(&mut turns, vec![("last", last)]), ["last"], "handed on");
    }

    #[test]
    fn a_full_queue_still_has_room_for_who_has_less_than_a_share() {
        let mut turns = Turns::new(4);
        let mut a: Vec<_> = (0..4).map(|_| join(&mut turns, "a")).collect();
        assert_eq!(turns.join("a").err(), Some(Full));
        let (first, went) = turns.join("b").expect("less than a share");
        assert!(went && a[3].handed.try_recv() == Err(oneshot::error::TryRecvError::Closed), "the last one of a went");
        let second = join(&mut turns, "b");
        assert_eq!(turns.join("b").err(), Some(Full), "two each is equal");
        assert_eq!(turns.join("a").err(), Some(Full));
        let third = join(&mut turns, "c");
        assert_eq!(turns.join("d").map(|(_, went)| went).ok(), Some(true));
        assert_eq!(turns.join("e").err(), Some(Full), "one each");
        assert_eq!(turns.waiting(), 4);
        drop((first, second, third));
    }
}
