//! Who gets a place, and who gives way.

use super::*;

fn limits(connections: usize, per_address: usize) -> Limits {
    let second = Duration::from_secs(1);
    Limits {
        connections,
        per_address,
        head: second,
        write: second,
        idle: second,
        age: second,
        linger: second,
        delay: second,
        grace: second,
    }
}

/// Places, and the connections that ask for them.
struct Scene(Arc<Places>, Limits, u64);

impl Scene {
    fn new(connections: usize, per_address: usize) -> Self {
        let limits = limits(connections, per_address);
        Self(Places::new(&limits), limits, 0)
    }

    fn come(&mut self, address: &str) -> Option<Place> {
        self.2 += 1;
        let track = Track::new(self.2, &self.1);
        self.0.take(address.parse().expect("an address"), &track)
    }
}

fn evicted(place: &Place) -> bool {
    place.seat.track.evicted.load(Relaxed)
}

#[tokio::test]
async fn a_place_comes_back_when_its_connection_ends() {
    let mut scene = Scene::new(2, 2);
    let (first, second) = (scene.come("10.0.0.1").expect("free"), scene.come("10.0.0.1").expect("free"));
    let _works = (first.seat.track.begin(), second.seat.track.begin());
    assert!(scene.come("10.0.0.2").is_none(), "all are busy");
    drop(first);
    assert_eq!(scene.0.taken(), 1);
    assert!(scene.come("10.0.0.2").is_some());
    drop(second);
    assert_eq!(scene.0.taken(), 0);
    assert!(scene.0.table().by_address.is_empty(), "nothing is kept of an address that is gone");
}

#[tokio::test(start_paused = true)]
async fn who_never_spoke_gives_way_first_and_the_oldest_of_them() {
    let mut scene = Scene::new(3, 3);
    let spoken = scene.come("10.0.0.1").expect("free");
    drop(spoken.seat.track.begin());
    tokio::time::advance(Duration::from_mins(1)).await;
    let silent = scene.come("10.0.0.2").expect("free");
    tokio::time::advance(Duration::from_secs(1)).await;
    let newer = scene.come("10.0.0.3").expect("free");
    let _next = scene.come("10.0.0.4").expect("one gives way");
    assert!(evicted(&silent) && !evicted(&newer) && !evicted(&spoken));
    assert_eq!(scene.0.taken(), 3);
    drop(silent);
    assert_eq!(scene.0.taken(), 3, "a place is given back once");
}

#[tokio::test(start_paused = true)]
async fn the_address_with_most_connections_gives_way() {
    let mut scene = Scene::new(4, 4);
    let single = scene.come("10.0.0.1").expect("free");
    drop(single.seat.track.begin());
    let many: Vec<_> = (0..3).map(|_| scene.come("10.0.0.2").expect("free")).collect();
    for place in &many {
        drop(place.seat.track.begin());
    }
    assert!(scene.come("10.0.0.3").is_none(), "their clients may be just about to ask again");
    tokio::time::advance(RECENT).await;
    let _next = scene.come("10.0.0.3").expect("one gives way");
    assert!(!evicted(&single) && many.iter().filter(|place| evicted(place)).count() == 1);
}

#[tokio::test]
async fn an_address_has_its_share_and_its_silent_connections_give_way_to_its_own() {
    let mut scene = Scene::new(100, 2);
    let other = scene.come("10.0.0.9").expect("free");
    let (first, second) = (scene.come("10.0.0.1").expect("free"), scene.come("10.0.0.1").expect("free"));
    let third = scene.come("10.0.0.1").expect("a silent one gives way");
    assert!(evicted(&first) != evicted(&second) && !evicted(&other));
    let works: Vec<_> = [&first, &second, &third].map(|place| place.seat.track.begin()).into();
    assert!(scene.come("10.0.0.1").is_none(), "both have spoken");
    drop(works);
    assert!(scene.come("10.0.0.1").is_none(), "and keep their places");
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address() {
    let mut scene = Scene::new(100, 2);
    let places = ["2001:db8::1", "2001:db8::ffff:1"].map(|a| scene.come(a).expect("free"));
    let _works = places.each_ref().map(|place| place.seat.track.begin());
    assert!(scene.come("2001:db8:0:0:1::").is_none(), "the same /64");
    assert!(scene.come("2001:db8:0:1::").is_some(), "another /64");
    let places = ["10.0.0.1", "::ffff:10.0.0.1"].map(|a| scene.come(a).expect("free"));
    let _works = places.each_ref().map(|place| place.seat.track.begin());
    assert!(scene.come("10.0.0.1").is_none(), "the same, written in two ways");
}
