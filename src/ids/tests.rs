use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::clock::{FixedClock, SystemMonotonic};

const START: Micros = 1_795_000_000_000_000;

fn maker(clock: &FixedClock, node: u16, mark: Micros) -> Ids {
    Ids::new(Arc::new(clock.clone()), Arc::new(SystemMonotonic::default()), Lent { node, mark })
}

/// The time that an identifier was made for.
fn time(id: &str) -> Micros {
    time_of(id.parse::<u64>().expect("a number") >> 24)
}

#[tokio::test(start_paused = true)]
async fn ids_are_unique_and_ordered_while_the_clock_stands_still() {
    let clock = FixedClock::new(START);
    let ids = maker(&clock, 7, 0);
    let mut all = Vec::new();
    for _ in 0..1000 {
        all.push(ids.next().await);
    }
    clock.advance(-1_000_000);
    all.push(ids.next().await);
    assert!(all.windows(2).all(|w| w[0] < w[1]), "ids must grow as text");
    assert!(all.iter().all(|id| id.len() == 18));
    assert_eq!(time(&all[1000]), START + 3 * UNIT, "four units for a thousand; the clock set back changes nothing");
}

#[tokio::test(start_paused = true)]
async fn a_maker_starts_above_the_mark_and_falls_in_with_the_clock_once_that_is_past() {
    let clock = FixedClock::new(START);
    let ids = maker(&clock, 1, START + 3_600_000_000);
    let first = ids.next().await;
    assert_eq!(time(&first), START + 3_600_000_000 + UNIT);
    let second = ids.next().await;
    assert_eq!(time(&second), time(&first), "slowly: all numbers of a unit first");
    clock.advance(3_700_000_000);
    let third = ids.next().await;
    assert_eq!(time(&third), START + 3_700_000_000);
    assert!(first < second && second < third);
}

#[test]
fn a_unit_that_is_used_up_is_waited_for_rather_than_borrowed() {
    let begin = Duration::from_secs(1);
    let mut source = Source::above(0);
    let numbers: Vec<_> = (0..NUMBERS).map(|_| source.take(5, begin)).collect();
    assert_eq!((numbers[0], numbers[255]), (Ok(5 << 8), Ok(5 << 8 | 255)));
    assert_eq!(source.take(5, begin), Err(UNIT_LENGTH));
    let soon = begin + UNIT_LENGTH / 2;
    assert_eq!(source.take(5, soon), Err(UNIT_LENGTH / 2));
    assert_eq!(source.take(6, soon), Ok(6 << 8), "the clock has moved on");
}

#[tokio::test(start_paused = true)]
async fn tokens_neither_wait_nor_drive_identifiers_ahead() {
    let clock = FixedClock::new(START);
    let ids = maker(&clock, 3, 0);
    let tokens: HashSet<i64> = (0..100_000).map(|_| ids.token()).collect();
    assert_eq!(tokens.len(), 100_000);
    assert!(tokens.iter().all(|token| token & 0xffff == 3 && token.to_string().len() == 18));
    assert_eq!(time(&ids.next().await), START);
}

#[tokio::test(start_paused = true)]
async fn two_nodes_never_make_the_same_id() {
    let clock = FixedClock::new(START);
    let (a, b) = (maker(&clock, 1, 0), maker(&clock, 2, 0));
    let mut left = HashSet::new();
    for _ in 0..500 {
        left.insert(a.next().await);
    }
    for _ in 0..500 {
        assert!(!left.contains(&b.next().await));
    }
}

#[tokio::test(start_paused = true)]
async fn the_mark_is_kept_ahead_and_its_keeper_is_called_when_ids_come_close() {
    let clock = FixedClock::new(START);
    let ids = maker(&clock, 1, START - 1_000_000);
    ids.marked(ids.mark_ahead(60_000_000));
    assert_eq!(ids.mark_ahead(60_000_000), START + 60_000_000);
    ids.next().await;
    let early = tokio::time::timeout(Duration::ZERO, ids.close_to_mark()).await;
    assert!(early.is_err(), "a minute ahead is not close");
    clock.advance(3_600_000_000);
    ids.next().await;
    ids.close_to_mark().await;
    assert_eq!(mark_after(START, START - 5_000_000, 3_000_000), START + MARGIN, "ahead of the clock: a small step");
}

#[derive(Debug, Clone)]
enum Step {
    /// The clock is set, forward or back, in microseconds.
    Set(Micros),
    /// Time passes, on both clocks, in microseconds.
    Pass(u64),
    /// So many are asked for.
    Take(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (-100_000_000_i64..100_000_000).prop_map(Step::Set),
        (0_u64..50_000).prop_map(Step::Pass),
        (1_usize..400).prop_map(Step::Take),
    ];
    prop::collection::vec(step, 1..40)
}

/// Runs steps over a source that starts above `mark`; gives what was taken with the unit of the clock at
/// that moment and the units that had passed by then.
fn run(steps: &[Step], mark: u64) -> Vec<(u64, u64, u64)> {
    let (mut clock, mut passed) = (START, Duration::ZERO);
    let mut source = Source::above(mark);
    let mut taken = Vec::new();
    for step in steps {
        match step {
            Step::Set(by) => clock += by,
            Step::Pass(micros) => {
                clock += i64::try_from(*micros).expect("small");
                passed += Duration::from_micros(*micros);
            }
            Step::Take(count) => {
                let units = u64::try_from(passed.as_micros()).expect("small") / 10_000;
                let numbers = (0..*count).map_while(|_| source.take(unit_of(clock), passed).ok());
                taken.extend(numbers.map(|number| (number, unit_of(clock), units)));
            }
        }
    }
    taken
}

proptest! {
    #[test]
    fn order_holds_whatever_the_clock_does(steps in steps(), ahead in 0_u64..10_000) {
        let mark = unit_of(START) + ahead;
        let taken = run(&steps, mark);
        prop_assert!(taken.windows(2).all(|w| w[0].0 < w[1].0));
        prop_assert!(taken.iter().all(|(number, ..)| number >> 8 > mark));
        let mut clock_max = mark + 1;
        for (number, clock, passed) in taken {
            clock_max = clock_max.max(clock);
            prop_assert!(number >> 8 <= clock_max + passed, "no faster than time passes");
        }
    }

    #[test]
    fn ids_are_never_ahead_of_a_clock_that_is_not_set(passes in prop::collection::vec((0_u64..50_000, 1_usize..400), 1..40)) {
        let steps: Vec<Step> = passes.into_iter().flat_map(|(p, t)| [Step::Pass(p), Step::Take(t)]).collect();
        for (number, clock, _) in run(&steps, 0) {
            prop_assert_eq!(number >> 8, clock);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_get_ids_in_order_each_and_no_id_twice() {
    let clock = FixedClock::new(START);
    let ids = Arc::new(maker(&clock, 9, 0));
    let tasks: Vec<_> = (0..8_i64)
        .map(|task| {
            let (ids, clock) = (Arc::clone(&ids), clock.clone());
            tokio::spawn(async move {
                let mut seen = Vec::new();
                for round in 0..300_i64 {
                    seen.push(ids.next().await);
                    clock.advance((round * 7919 + task * 104_729) % 40_000 - 20_000);
                }
                seen
            })
        })
        .collect();
    let mut all = HashSet::new();
    for task in tasks {
        let seen = task.await.expect("it ends");
        assert!(seen.windows(2).all(|w| w[0] < w[1]));
        all.extend(seen);
    }
    assert_eq!(all.len(), 2400);
}
