//! Ask once, remember, pause after a failure, forget.
//!
//! What this function learns from AWS (regions, policies, grants, sessions, identities) is asked for
//! when it is first needed and kept. The rules are the same for all of it:
//!
//! - Whoever asks for a key that another one is asking for waits for that answer. There is a lock for
//!   each key, so a service that is silent about one key delays no other.
//! - An answer is used for as long as its user calls it fresh.
//! - After a failure the invocations that had begun do not ask again, and later ones wait for a pause.
//! - A failure of the initialisation is not kept, because the invocation that needs the answer can ask.
//!   Neither is one that took longer than a call may: a freeze interrupted the call, which says nothing
//!   about the service. An answer that says no counts in both cases.
//! - A clock that was set back makes nothing last longer: what lies in the future is forgotten.
//!
//! This module asks nobody itself. It imports `invocation`.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex as AsyncMutex;

use crate::invocation::Invocation;

/// Longer than one call can take with all of its attempts.
const LONGEST_CALL: SignedDuration = SignedDuration::from_secs(6);

/// Why there is no answer, and what that says about the next call.
pub(crate) trait Failure: Clone {
    /// How long later invocations wait before they ask again. `None`: they never do.
    fn pause(&self) -> Option<SignedDuration>;

    /// Whether the service answered, and said no.
    fn is_refusal(&self) -> bool {
        false
    }

    /// Longer than it can take to learn of this failure without a freeze.
    fn longest(&self) -> SignedDuration {
        LONGEST_CALL
    }
}

/// There is no fresh answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unanswered<V, E> {
    /// Why not.
    pub(crate) error: E,
    /// The answer of an earlier call. It is not fresh any more.
    pub(crate) before: Option<V>,
}

/// How old an answer is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Age {
    /// The time since the answer came, not negative.
    pub(crate) age: SignedDuration,
    /// Whether this very invocation asked for it.
    pub(crate) is_of_this_invocation: bool,
}

/// Answers by their keys.
pub(crate) struct Memory<K, V, E> {
    /// For how many keys answers are kept. The keys that were asked for first are forgotten first.
    capacity: usize,
    entries: Mutex<Entries<K, V, E>>,
}

struct Entries<K, V, E> {
    by_key: HashMap<K, Numbered<V, E>>,
    /// How many entries there ever were.
    made: u64,
}

/// An entry, and how many were made before it. Whoever asks about the key holds its lock.
type Numbered<V, E> = (u64, Arc<AsyncMutex<CacheEntry<V, E>>>);

/// What is known about one key.
#[derive(Debug)]
struct CacheEntry<V, E> {
    answer: Option<Stamped<V>>,
    failure: Option<Stamped<E>>,
    /// When the last call began.
    asked_at: Option<Timestamp>,
}

/// A value, and when and in which invocation it came.
#[derive(Clone, Debug)]
struct Stamped<T> {
    value: T,
    at: Timestamp,
    invocation: u64,
}

impl<T> Stamped<T> {
    fn new(value: T, invocation: &Invocation) -> Self {
        Self { value, at: invocation.now(), invocation: invocation.id() }
    }

    /// How old this is. `None` if it lies in the future: the clock was set back.
    fn age(&self, invocation: &Invocation) -> Option<Age> {
        let age = invocation.now().duration_since(self.at);
        let is_of_this_invocation = self.invocation == invocation.id();
        (age >= SignedDuration::ZERO).then_some(Age { age, is_of_this_invocation })
    }
}

impl<V, E> Default for CacheEntry<V, E> {
    fn default() -> Self {
        Self { answer: None, failure: None, asked_at: None }
    }
}

impl<V: Clone, E: Failure> CacheEntry<V, E> {
    /// The answer, if `is_fresh` says that it is.
    fn fresh(&self, is_fresh: impl Fn(&V, Age) -> bool, invocation: &Invocation) -> Option<V> {
        let answer = self.answer.as_ref()?;
        let age = answer.age(invocation)?;
        is_fresh(&answer.value, age).then(|| answer.value.clone())
    }

    /// The failure for which nothing is asked now.
    fn recent_failure(&self, invocation: &Invocation) -> Option<E> {
        let failure = self.failure.as_ref()?;
        let age = failure.age(invocation)?;
        // Invocations that run at the same time share what they meet.
        let counts = failure.at >= invocation.began_at()
            || failure.value.pause().is_none_or(|pause| age.age < pause);
        counts.then(|| failure.value.clone())
    }

    fn unanswered(&self, error: E) -> Unanswered<V, E> {
        Unanswered { error, before: self.answer.as_ref().map(|answer| answer.value.clone()) }
    }

    /// Asks, and keeps what comes.
    async fn ask<F: Future<Output = Result<V, E>>>(
        &mut self,
        ask: impl FnOnce(Option<V>) -> F,
        invocation: &Invocation,
    ) -> Result<V, Unanswered<V, E>> {
        let asked_at = invocation.now();
        self.asked_at = Some(asked_at);
        match ask(self.answer.as_ref().map(|answer| answer.value.clone())).await {
            Ok(value) => {
                self.answer = Some(Stamped::new(value.clone(), invocation));
                self.failure = None;
                Ok(value)
            }
            Err(error) => {
                let took = invocation.now().duration_since(asked_at);
                let counts = error.is_refusal()
                    || (!invocation.is_initialisation() && took <= error.longest());
                self.failure = counts.then(|| Stamped::new(error.clone(), invocation));
                Err(self.unanswered(error))
            }
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone, E: Failure> Memory<K, V, E> {
    /// Remembers answers for `capacity` keys, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        let entries = Entries { by_key: HashMap::new(), made: 0 };
        Self { capacity: capacity.max(1), entries: Mutex::new(entries) }
    }

    /// The answer for `key`: the one that is kept, if `is_fresh` says so, or the one that `ask` gets.
    /// `ask` is given the answer that is not fresh any more.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] if `ask` fails, or if it failed so lately that it is not asked.
    pub(crate) async fn get<F: Future<Output = Result<V, E>>>(
        &self,
        key: &K,
        is_fresh: impl Fn(&V, Age) -> bool,
        ask: impl FnOnce(Option<V>) -> F,
        invocation: &Invocation,
    ) -> Result<V, Unanswered<V, E>> {
        let entry = self.entry(key);
        let mut entry = entry.lock().await;
        if let Some(value) = entry.fresh(is_fresh, invocation) {
            return Ok(value);
        }
        if let Some(error) = entry.recent_failure(invocation) {
            return Err(entry.unanswered(error));
        }
        entry.ask(ask, invocation).await
    }

    /// The answer that `ask` gets now, however lately it was asked.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] if `ask` fails.
    pub(crate) async fn get_anew<F: Future<Output = Result<V, E>>>(
        &self,
        key: &K,
        ask: impl FnOnce(Option<V>) -> F,
        invocation: &Invocation,
    ) -> Result<V, Unanswered<V, E>> {
        let entry = self.entry(key);
        let mut entry = entry.lock().await;
        entry.ask(ask, invocation).await
    }

    /// Keeps a failure that was met elsewhere. An answer that was kept is forgotten.
    pub(crate) async fn fail(&self, key: &K, error: E, invocation: &Invocation) {
        let entry = self.entry(key);
        let mut entry = entry.lock().await;
        entry.answer = None;
        entry.failure = Some(Stamped::new(error, invocation));
    }

    /// Keeps the failure of a call that was given up. An answer that was kept stays.
    pub(crate) async fn pause(&self, key: &K, error: E, invocation: &Invocation) {
        let entry = self.entry(key);
        entry.lock().await.failure = Some(Stamped::new(error, invocation));
    }

    /// The failure for which nothing is asked about `key` now.
    pub(crate) async fn recent_failure(&self, key: &K, invocation: &Invocation) -> Option<E> {
        self.known(key)?.lock().await.recent_failure(invocation)
    }

    /// When a call about `key` last began.
    pub(crate) async fn asked_at(&self, key: &K) -> Option<Timestamp> {
        self.known(key)?.lock().await.asked_at
    }

    /// The answer that is kept for `key`, however old it is. `None` while it is asked for.
    pub(crate) fn peek(&self, key: &K) -> Option<V> {
        let entry = self.known(key)?;
        let entry = entry.try_lock().ok()?;
        entry.answer.as_ref().map(|answer| answer.value.clone())
    }

    /// Whether some answer that is kept is like this. Keys that are asked for at this moment are left
    /// out.
    pub(crate) fn any(&self, is_like_this: impl Fn(&V) -> bool) -> bool {
        self.entries().by_key.values().any(|(_, entry)| {
            let entry = entry.try_lock();
            entry.is_ok_and(|entry| {
                entry.answer.as_ref().is_some_and(|answer| is_like_this(&answer.value))
            })
        })
    }

    /// Forgets everything: answers, failures, and when they came.
    pub(crate) fn forget(&self) {
        self.entries().by_key.clear();
    }

    /// The entry of a key that was asked for.
    fn known(&self, key: &K) -> Option<Arc<AsyncMutex<CacheEntry<V, E>>>> {
        self.entries().by_key.get(key).map(|(_, entry)| Arc::clone(entry))
    }

    /// The entry of `key`. It is made if there is none.
    fn entry(&self, key: &K) -> Arc<AsyncMutex<CacheEntry<V, E>>> {
        let mut entries = self.entries();
        if let Some((_, entry)) = entries.by_key.get(key) {
            return Arc::clone(entry);
        }
        if entries.by_key.len() == self.capacity {
            let oldest = entries.by_key.iter().min_by_key(|(_, (number, _))| *number);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                entries.by_key.remove(&oldest);
            }
        }
        let entry = Arc::default();
        let number = entries.made;
        entries.made += 1;
        entries.by_key.insert(key.clone(), (number, Arc::clone(&entry)));
        entry
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, V, E>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows how many keys are known. The answers may hold credentials.
impl<K, V, E> fmt::Debug for Memory<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Memory").field("keys", &entries.by_key.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::Barrier;
    use tokio::time::{Duration, timeout};

    use super::*;
    use crate::invocation::Clock;

    /// Why the tests' service gave no answer.
    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Error {
        Silent,
        Refused,
        Final,
    }

    impl Failure for Error {
        fn pause(&self) -> Option<SignedDuration> {
            match self {
                Self::Silent => Some(SignedDuration::from_secs(2)),
                Self::Refused => Some(SignedDuration::from_secs(30)),
                Self::Final => None,
            }
        }

        fn is_refusal(&self) -> bool {
            *self != Self::Silent
        }
    }

    type Tested = Memory<&'static str, u32, Error>;

    thread_local! {
        static NOW: Cell<i64> = const { Cell::new(1_000) };
        static CALLS: Cell<usize> = const { Cell::new(0) };
    }

    fn now() -> Timestamp {
        Timestamp::from_second(NOW.get()).unwrap()
    }

    fn invocation() -> Invocation {
        Invocation::begin(now)
    }

    /// Asks about `a`, whose answers are fresh for a minute. A call takes so many seconds.
    async fn ask_for(
        memory: &Tested,
        outcome: Result<u32, Error>,
        seconds: i64,
        invocation: &Invocation,
    ) -> Result<u32, Unanswered<u32, Error>> {
        let is_fresh = |_: &u32, age: Age| age.age < SignedDuration::from_secs(60);
        let ask = |_| async move {
            CALLS.set(CALLS.get() + 1);
            NOW.set(NOW.get() + seconds);
            outcome
        };
        memory.get(&"a", is_fresh, ask, invocation).await
    }

    async fn ask(memory: &Tested, outcome: Result<u32, Error>) -> Result<u32, u32> {
        let answer = ask_for(memory, outcome, 0, &invocation()).await;
        answer.map_err(|unanswered| unanswered.before.unwrap_or(0))
    }

    fn calls() -> usize {
        CALLS.replace(0)
    }

    #[tokio::test]
    async fn an_answer_is_asked_for_once_and_again_when_it_is_not_fresh() {
        let memory = Tested::new(4);
        assert_eq!(ask(&memory, Ok(1)).await, Ok(1));
        NOW.set(1_059);
        assert_eq!((ask(&memory, Ok(2)).await, calls()), (Ok(1), 1));
        NOW.set(1_060);
        assert_eq!((ask(&memory, Ok(2)).await, calls()), (Ok(2), 1));
    }

    #[tokio::test]
    async fn the_invocation_that_met_a_failure_does_not_ask_again_and_later_ones_wait() {
        let memory = Tested::new(4);
        let first = invocation();
        for _ in 0..2 {
            let error = ask_for(&memory, Err(Error::Silent), 0, &first).await.unwrap_err();
            assert_eq!(error, Unanswered { error: Error::Silent, before: None });
            NOW.set(NOW.get() + 100);
        }
        assert_eq!(calls(), 1);
        NOW.set(1_001);
        assert_eq!((ask(&memory, Ok(1)).await, calls()), (Err(0), 0));
        NOW.set(1_002);
        assert_eq!((ask(&memory, Ok(1)).await, calls()), (Ok(1), 1));
    }

    #[tokio::test]
    async fn invocations_at_the_same_time_share_a_failure_whichever_met_it() {
        let memory = Tested::new(4);
        let [first, second] = [invocation(), invocation()];
        NOW.set(1_010);
        for (at, invocation) in [(1_010, &first), (1_100, &second), (1_200, &first)] {
            NOW.set(at);
            ask_for(&memory, Err(Error::Silent), 0, invocation).await.unwrap_err();
        }
        assert_eq!(calls(), 1);
    }

    #[tokio::test]
    async fn a_call_that_was_given_up_is_not_made_again_before_its_pause_is_over() {
        let memory = Tested::new(4);
        ask(&memory, Ok(1)).await.unwrap();
        NOW.set(1_060);
        memory.pause(&"a", Error::Silent, &invocation()).await;
        NOW.set(1_061);
        assert_eq!((ask(&memory, Ok(2)).await, calls()), (Err(1), 1));
        NOW.set(1_062);
        assert_eq!((ask(&memory, Ok(2)).await, calls()), (Ok(2), 1));
    }

    #[tokio::test]
    async fn what_was_answered_before_a_failure_is_handed_out_with_it() {
        let memory = Tested::new(4);
        ask(&memory, Ok(1)).await.unwrap();
        NOW.set(1_060);
        assert_eq!(ask(&memory, Err(Error::Silent)).await, Err(1));
        NOW.set(1_061);
        assert_eq!((ask(&memory, Ok(2)).await, calls()), (Err(1), 2));
    }

    #[tokio::test]
    async fn a_final_failure_is_asked_about_never_again() {
        let memory = Tested::new(4);
        assert_eq!(ask(&memory, Err(Error::Final)).await, Err(0));
        NOW.set(1_000_000);
        assert_eq!((ask(&memory, Ok(1)).await, calls()), (Err(0), 1));
        memory.forget();
        assert_eq!((ask(&memory, Ok(1)).await, calls()), (Ok(1), 1));
    }

    #[tokio::test]
    async fn a_failure_of_the_initialisation_and_one_that_a_freeze_interrupted_say_nothing() {
        for (initialises, seconds) in [(true, 0), (false, 7)] {
            for (error, is_kept) in [(Error::Silent, false), (Error::Refused, true)] {
                NOW.set(1_000);
                let memory = Tested::new(4);
                let first = if initialises {
                    Invocation::initialisation(&Clock::new(now))
                } else {
                    invocation()
                };
                ask_for(&memory, Err(error), seconds, &first).await.unwrap_err();
                assert_eq!(ask(&memory, Ok(1)).await.is_err(), is_kept);
            }
        }
        NOW.set(1_000);
        let memory = Tested::new(4);
        ask_for(&memory, Err(Error::Silent), 6, &invocation()).await.unwrap_err();
        assert_eq!(ask(&memory, Ok(1)).await, Err(0));
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_makes_nothing_last_longer() {
        let memory = Tested::new(4);
        ask(&memory, Ok(1)).await.unwrap();
        NOW.set(999);
        assert_eq!(ask(&memory, Ok(2)).await, Ok(2));
        let memory = Tested::new(4);
        ask(&memory, Err(Error::Refused)).await.unwrap_err();
        NOW.set(998);
        assert_eq!(ask(&memory, Ok(2)).await, Ok(2));
    }

    #[tokio::test]
    async fn a_failure_that_was_met_elsewhere_takes_the_answer_away() {
        let memory = Tested::new(4);
        ask(&memory, Ok(1)).await.unwrap();
        memory.fail(&"a", Error::Refused, &invocation()).await;
        assert_eq!(memory.recent_failure(&"a", &invocation()).await, Some(Error::Refused));
        NOW.set(1_029);
        assert_eq!(ask(&memory, Ok(2)).await, Err(0));
        NOW.set(1_030);
        assert_eq!(memory.recent_failure(&"a", &invocation()).await, None);
    }

    #[tokio::test]
    async fn the_newest_keys_are_kept() {
        let memory: Memory<u32, u32, Error> = Memory::new(2);
        let invocation = invocation();
        for key in [1, 2, 3, 2, 1] {
            let ask = |_| async move {
                CALLS.set(CALLS.get() + 1);
                Ok(key)
            };
            memory.get(&key, |_, _| true, ask, &invocation).await.unwrap();
        }
        assert_eq!(calls(), 4);
        assert!(memory.any(|value| *value == 3) && !memory.any(|value| *value == 2));
    }

    #[tokio::test]
    async fn a_silent_key_delays_no_other_and_those_who_ask_for_one_key_share_a_call() {
        let memory = Tested::new(4);
        let invocation = invocation();
        // None of the three is answered before all three are asked.
        let all_three = Barrier::new(3);
        let get = |key: &'static str| {
            let ask = |_| async {
                CALLS.set(CALLS.get() + 1);
                all_three.wait().await;
                Ok(1)
            };
            memory.get(key_of(key), |_, _| true, ask, &invocation)
        };
        let asked = async { tokio::join!(get("a"), get("b"), get("c"), get("a")) };
        let outcomes = timeout(Duration::from_secs(30), asked).await;
        assert_eq!((outcomes, calls()), (Ok((Ok(1), Ok(1), Ok(1), Ok(1))), 3));
    }

    fn key_of(key: &str) -> &'static &'static str {
        match key {
            "a" => &"a",
            "b" => &"b",
            _ => &"c",
        }
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_leaves_the_key_to_others() {
        let memory = Tested::new(4);
        let invocation = invocation();
        let hangs = |_| std::future::pending::<Result<u32, Error>>();
        let asked = memory.get(&"a", |_, _| true, hangs, &invocation);
        timeout(Duration::from_millis(10), asked).await.unwrap_err();
        assert_eq!(ask(&memory, Ok(1)).await, Ok(1));
    }
}
